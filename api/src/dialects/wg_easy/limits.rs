//! How often its clients may call: the contract's table.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue};
use nexavpn_domain::ids::SessionId;

use super::{WgEasyRates, error::DialectError};
use crate::http::{Buckets, Client, Fills, LIMIT, Quota, REMAINING, RESET};

pub(super) struct Limits {
    session: Buckets<Client>,
    create: Buckets<()>,
    list: Buckets<SessionId>,
    delete: Buckets<()>,
}

impl Limits {
    pub(super) fn new(rates: WgEasyRates) -> Self {
        Self {
            session: Buckets::new(rates.session, Fills::AtOnce),
            create: Buckets::new(rates.create, Fills::AtOnce),
            list: Buckets::new(rates.list, Fills::AtOnce),
            delete: Buckets::new(rates.delete, Fills::AtOnce),
        }
    }

    pub(super) fn session(&self, client: Client) -> Option<Quota> {
        self.session.count(client, Instant::now())
    }

    pub(super) fn create(&self) -> Option<Quota> {
        self.create.count((), Instant::now())
    }

    pub(super) fn list(&self, session: SessionId) -> Option<Quota> {
        self.list.count(session, Instant::now())
    }

    pub(super) fn delete(&self) -> Option<Quota> {
        self.delete.count((), Instant::now())
    }
}

/// Refuses a request that is one too many.
pub(super) fn check(quota: Option<Quota>) -> Result<(), DialectError> {
    quota.and_then(Quota::retry_after).map_or(Ok(()), |wait| Err(DialectError::too_many(wait)))
}

/// Says where the client stands: `X-RateLimit-Reset` is a Unix time here.
pub(super) fn write(quota: Quota, now: i64, headers: &mut HeaderMap) {
    headers.insert(LIMIT, HeaderValue::from(quota.limit));
    headers.insert(REMAINING, HeaderValue::from(quota.remaining));
    let reset = now.saturating_add_unsigned(quota.reset());
    headers.insert(RESET, HeaderValue::from(reset));
}
