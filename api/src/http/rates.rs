//! How many requests a client may make: by address where nobody is signed in, else by principal.
//!
//! A bucket holds as many requests as a minute allows and fills evenly (the generic cell rate
//! algorithm: all there is to remember of a client is when its bucket will be full again), or all
//! at once, where a contract has it so. A client whose bucket is full is not remembered at all.

use std::{
    collections::HashMap,
    hash::Hash,
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
use nexavpn_commands::client_network;
use nexavpn_domain::ids::{GatewayId, UserId};

use crate::{App, auth::Origin, error::ApiError};

pub(crate) const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
pub(crate) const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
pub(crate) const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
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
        Self::Address(origin.and_then(|origin| origin.address).map(client_network))
    }
}

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Requests a minute.
    pub(crate) limit: u32,
    /// Requests that may come at once.
    pub(crate) remaining: u32,
    /// Until the bucket is full again.
    reset: Duration,
    /// How long to wait, where this request is one too many.
    wait: Option<Duration>,
}

/// The limits of a server.
#[derive(Debug)]
pub struct Rates {
    addresses: Buckets<Client>,
    principals: Buckets<Client>,
}

impl Rates {
    /// Requests a minute; 0 means any number.
    #[must_use]
    pub fn new(per_address: u32, per_principal: u32) -> Self {
        let buckets = |limit| Buckets::new(limit, Fills::Evenly);
        Self { addresses: buckets(per_address), principals: buckets(per_principal) }
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
        let Some(seconds) = self.retry_after() else { return Ok(()) };
        let message = "too many requests: wait as long as Retry-After says";
        let status = StatusCode::TOO_MANY_REQUESTS;
        Err(ApiError::new(status, "rate_limited", message).retry_after(seconds))
    }

    /// In how many seconds the next request makes sense, where this one is one too many.
    pub(crate) fn retry_after(self) -> Option<u64> {
        self.wait.map(|wait| seconds(wait).max(1))
    }

    /// In how many seconds all requests may come again.
    pub(crate) fn reset(self) -> u64 {
        seconds(self.reset)
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
pub(crate) async fn counted(
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

/// How a bucket gets full again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fills {
    /// Bit by bit.
    Evenly,
    /// A minute after the first request that was taken from the full one.
    AtOnce,
}

/// A bucket for each of those who are counted.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    limit: u32,
    fills: Fills,
    taken: Mutex<HashMap<K, Bucket>>,
}

/// One that is not full.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Instant,
    /// How many requests were taken from it, where it fills at once.
    taken: u32,
}

impl<K: Copy + Eq + Hash> Buckets<K> {
    /// So many requests a minute; 0 means any number.
    pub(crate) fn new(limit: u32, fills: Fills) -> Self {
        Self { limit, fills, taken: Mutex::default() }
    }

    /// Counts a request; `None` where they are not counted.
    pub(crate) fn count(&self, client: K, now: Instant) -> Option<Quota> {
        let each = MINUTE.checked_div(self.limit)?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let before = taken.get(&client).copied().filter(|bucket| bucket.full_at > now);
        let full_at = before.map_or(now, |bucket| bucket.full_at);
        let refused = |wait| Quota {
            limit: self.limit,
            remaining: 0,
            reset: full_at - now,
            wait: Some(wait),
        };
        let (bucket, remaining) = match self.fills {
            Fills::Evenly => {
                let after = full_at + each;
                let used = after - now;
                if used > MINUTE {
                    return Some(refused(used - MINUTE));
                }
                let left = (MINUTE - used).as_nanos() / each.as_nanos().max(1);
                let left = u32::try_from(left).unwrap_or(u32::MAX).min(self.limit);
                (Bucket { full_at: after, taken: 0 }, left)
            }
            Fills::AtOnce => {
                let used = before.map_or(0, |bucket| bucket.taken);
                if used >= self.limit {
                    return Some(refused(full_at - now));
                }
                let full_at = if before.is_some() { full_at } else { now + MINUTE };
                (Bucket { full_at, taken: used + 1 }, self.limit - used - 1)
            }
        };
        if taken.len() >= REMEMBERED && !taken.contains_key(&client) {
            make_room(&mut taken, now);
        }
        taken.insert(client, bucket);
        Some(Quota { limit: self.limit, remaining, reset: bucket.full_at - now, wait: None })
    }
}

/// Forgets those whose bucket is full, and, where that is not enough, those who have used the
/// least; many at once, so that a flood does not sort them for every request.
fn make_room<K: Eq + Hash>(taken: &mut HashMap<K, Bucket>, now: Instant) {
    taken.retain(|_, bucket| bucket.full_at > now);
    if taken.len() < REMEMBERED {
        return;
    }
    let mut times: Vec<Instant> = taken.values().map(|bucket| bucket.full_at).collect();
    let (_, bound, _) = times.select_nth_unstable(REMEMBERED / 8);
    let bound = *bound;
    taken.retain(|_, bucket| bucket.full_at > bound);
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
        let buckets = Buckets::new(60, Fills::Evenly);
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
    fn a_bucket_that_fills_at_once_is_empty_until_then() {
        let buckets = Buckets::new(3, Fills::AtOnce);
        let start = Instant::now();
        for (second, left) in [(0, 2), (50, 1), (51, 0)] {
            let quota = buckets.count((), start + Duration::from_secs(second)).unwrap();
            assert_eq!((quota.wait, quota.remaining), (None, left));
            assert_eq!(quota.reset, Duration::from_secs(60 - second));
        }
        let refused = buckets.count((), start + Duration::from_secs(55)).unwrap();
        assert_eq!((refused.wait, refused.remaining), (Some(Duration::from_secs(5)), 0));
        let full = buckets.count((), start + MINUTE).unwrap();
        assert_eq!((full.wait, full.remaining, full.reset), (None, 2, MINUTE));
    }

    #[test]
    fn nothing_is_counted_where_there_is_no_limit() {
        assert_eq!(Buckets::new(0, Fills::Evenly).count((), Instant::now()), None);
    }

    #[test]
    fn a_flood_of_addresses_forgets_no_busy_one_and_stays_bounded() {
        let buckets = Buckets::new(60, Fills::Evenly);
        let start = Instant::now();
        while buckets.count(address(0), start).unwrap().wait.is_none() {}
        let flood = u32::try_from(REMEMBERED).unwrap() * 2;
        for n in 1..=flood {
            buckets.count(address(n), start).unwrap();
        }
        assert!(buckets.taken.lock().unwrap().len() <= REMEMBERED);
        assert!(buckets.count(address(0), start).unwrap().wait.is_some());
    }
}
