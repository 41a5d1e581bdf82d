//! How many requests a client may make: by address where nobody is signed in, else by principal.
//!
//! A bucket holds as many requests as a minute allows and fills evenly (the generic cell rate
//! algorithm: all there is to remember of a client is when its bucket will be full again). A
//! client whose bucket is full is not remembered at all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use nexavpn_domain::ids::{GatewayId, UserId};

use super::network;
use crate::{App, auth::Origin, error::ApiError};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const MINUTE: Duration = Duration::from_secs(60);
/// Clients remembered at once: about 10 MB of each kind.
const REMEMBERED: usize = 100_000;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// An IPv4 address or an IPv6 /64; none where it is not known.
    Address(Option<IpAddr>),
    /// A signed-in user, whatever the session.
    User(UserId),
    /// A gateway's node.
    Gateway(GatewayId),
}

impl Client {
    /// Whoever sent a request without saying who it is.
    pub(crate) fn of(request: &Request) -> Self {
        let origin = request.extensions().get::<Origin>();
        Self::Address(origin.and_then(|origin| origin.address).map(network))
    }
}

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    limit: u32,
    remaining: u32,
    /// Until the bucket is full again.
    reset: Duration,
    /// How long to wait, where this request is one too many.
    wait: Option<Duration>,
}

/// The limits of a server.
#[derive(Debug)]
pub struct Rates {
    addresses: Buckets,
    principals: Buckets,
}

impl Rates {
    /// Requests a minute; 0 means any number.
    #[must_use]
    pub fn new(per_address: u32, per_principal: u32) -> Self {
        Self { addresses: Buckets::new(per_address), principals: Buckets::new(per_principal) }
    }

    /// Counts a request; `None` where they are not counted.
    pub(crate) fn count(&self, client: Client) -> Option<Quota> {
        let buckets = match client {
            Client::Address(_) => &self.addresses,
            Client::User(_) | Client::Gateway(_) => &self.principals,
        };
        buckets.count(client, Instant::now())
    }
}

impl Quota {
    /// Refuses a request that is one too many.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        let Some(wait) = self.wait else { return Ok(()) };
        let message = "too many requests: wait as long as Retry-After says";
        let status = StatusCode::TOO_MANY_REQUESTS;
        Err(ApiError::new(status, "rate_limited", message).retry_after(seconds(wait).max(1)))
    }

    /// Says where the client stands.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(seconds(self.reset)));
    }
}

/// Counts requests by address, where nobody signs in.
pub(super) async fn by_address(State(app): State<App>, request: Request, next: Next) -> Response {
    let client = Client::of(&request);
    counted(&app, client, next.run(request)).await
}

/// An answer that counts as a request of the client.
pub(super) async fn counted(
    app: &App,
    client: Client,
    answer: impl Future<Output = Response>,
) -> Response {
    let Some(quota) = app.rates.count(client) else { return answer.await };
    let mut response = match quota.check() {
        Ok(()) => answer.await,
        Err(error) => error.into_response(),
    };
    quota.write(response.headers_mut());
    response
}

#[derive(Debug)]
struct Buckets {
    limit: u32,
    /// When each bucket is full again.
    full_at: Mutex<HashMap<Client, Instant>>,
}

impl Buckets {
    fn new(limit: u32) -> Self {
        Self { limit, full_at: Mutex::default() }
    }

    fn count(&self, client: Client, now: Instant) -> Option<Quota> {
        let each = MINUTE.checked_div(self.limit)?;
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let before = full_at.get(&client).map_or(now, |at| (*at).max(now));
        let after = before + each;
        let used = after - now;
        if used > MINUTE {
            let (reset, wait) = (before - now, Some(used - MINUTE));
            return Some(Quota { limit: self.limit, remaining: 0, reset, wait });
        }
        if full_at.len() >= REMEMBERED && !full_at.contains_key(&client) {
            make_room(&mut full_at, now);
        }
        full_at.insert(client, after);
        let left = (MINUTE - used).as_nanos() / each.as_nanos().max(1);
        let remaining = u32::try_from(left).unwrap_or(u32::MAX).min(self.limit);
        Some(Quota { limit: self.limit, remaining, reset: used, wait: None })
    }
}

/// Forgets those whose bucket is full, and, where that is not enough, those who have used the
/// least; many at once, so that a flood does not sort them for every request.
fn make_room(full_at: &mut HashMap<Client, Instant>, now: Instant) {
    full_at.retain(|_, at| *at > now);
    if full_at.len() < REMEMBERED {
        return;
    }
    let mut times: Vec<Instant> = full_at.values().copied().collect();
    let (_, bound, _) = times.select_nth_unstable(REMEMBERED / 8);
    let bound = *bound;
    full_at.retain(|_, at| *at > bound);
}

fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> Client {
        Client::Address(Some(IpAddr::from(n.to_be_bytes())))
    }

    #[test]
    fn a_bucket_empties_and_fills_evenly() {
        let buckets = Buckets::new(60);
        let start = Instant::now();
        for n in 1..=60 {
            let quota = buckets.count(address(1), start).unwrap();
            assert_eq!((quota.wait, quota.remaining), (None, 60 - n));
        }
        let refused = buckets.count(address(1), start).unwrap();
        assert_eq!(refused.wait, Some(Duration::from_secs(1)));
        assert_eq!(refused.reset, MINUTE);
        assert!(buckets.count(address(2), start).unwrap().wait.is_none());
        // What was refused is not counted.
        let later = start + Duration::from_secs(2);
        assert!(buckets.count(address(1), later).unwrap().wait.is_none());
        assert!(buckets.count(address(1), later).unwrap().wait.is_none());
        assert!(buckets.count(address(1), later).unwrap().wait.is_some());
        let full = buckets.count(address(1), start + MINUTE * 3).unwrap();
        assert_eq!((full.remaining, full.reset), (59, Duration::from_secs(1)));
    }

    #[test]
    fn nothing_is_counted_where_there_is_no_limit() {
        assert_eq!(Buckets::new(0).count(address(1), Instant::now()), None);
    }

    #[test]
    fn a_flood_of_addresses_forgets_no_busy_one_and_stays_bounded() {
        let buckets = Buckets::new(60);
        let start = Instant::now();
        while buckets.count(address(0), start).unwrap().wait.is_none() {}
        let flood = u32::try_from(REMEMBERED).unwrap() * 2;
        for n in 1..=flood {
            buckets.count(address(n), start).unwrap();
        }
        assert!(buckets.full_at.lock().unwrap().len() <= REMEMBERED);
        assert!(buckets.count(address(0), start).unwrap().wait.is_some());
    }
}
