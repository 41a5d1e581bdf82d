//! `GET /api/wireguard/client`

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{extract::State, http::HeaderMap, response::Response};
use nexavpn_projections::owned_devices;

use super::super::{WgEasy, error::DialectError};
use crate::{error::ApiError, http::Packed};

/// How old a kept answer may be. Gateways report handshakes and transfer less often.
const FRESH: Duration = Duration::from_secs(1);

/// The last answer: callers that poll get it again while nothing has happened.
#[derive(Clone, Default)]
pub(in super::super) struct LastList(Arc<Mutex<Option<Kept>>>);

#[derive(Clone)]
struct Kept {
    /// The event that all of it is folded from, at least.
    idx: i64,
    made_at: Instant,
    clients: Packed,
}

/// All clients, the oldest first, without what only they may know.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    headers: HeaderMap,
) -> Result<Response, DialectError> {
    // The request has waited for what was changed before it, by any process.
    let idx = dialect.app.projections.folded(owned_devices::PROJECTION);
    let kept = dialect.last_list.get().filter(|kept| kept.idx == idx && is_fresh(kept));
    let clients = match kept {
        Some(kept) => kept.clients,
        None => {
            let made_at = Instant::now();
            let clients = dialect.all_clients().await?;
            let json = serde_json::to_vec(&clients).map_err(|e| ApiError::internal(&e))?;
            let clients = Packed::new(json);
            dialect.last_list.put(Kept { idx, made_at, clients: clients.clone() });
            clients
        }
    };
    Ok(clients.answer(&headers))
}

fn is_fresh(kept: &Kept) -> bool {
    kept.made_at.elapsed() < FRESH
}

impl LastList {
    fn get(&self) -> Option<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, kept: Kept) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}
