//! Keeps passwords from being guessed.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Attempts within this time are counted together.
const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Failed attempts at one account before it has to wait.
const PER_ACCOUNT: u32 = 10;
/// Failed attempts from one address before it has to wait.
const PER_ADDRESS: u32 = 100;
/// Accounts and addresses remembered at once; beyond it those with the fewest failures are
/// forgotten.
const REMEMBERED: usize = 10_000;

/// Counts attempts at passwords, in memory: a restart forgives. An attempt counts from its
/// beginning and is taken back when it succeeds, so that many at once count as many.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<String, Count>>);

#[derive(Debug, Clone, Copy)]
struct Count {
    attempts: u32,
    since: DateTime<Utc>,
}

/// An attempt that was let through.
#[derive(Debug)]
pub(crate) struct Attempt {
    account: String,
    address: Option<String>,
}

impl Throttle {
    /// Counts an attempt, or says in how many seconds the next one makes sense.
    pub(crate) fn attempt(
        &self,
        account: String,
        address: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, u64> {
        let attempt = Attempt { account, address: address.map(network) };
        let mut counts = self.counts();
        for (key, limit) in attempt.keys() {
            if let Some(count) = counts.get(key) {
                let left = count.since + WINDOW - now;
                if count.attempts >= limit && left > TimeDelta::zero() {
                    return Err(u64::try_from(left.num_seconds()).unwrap_or(0).max(1));
                }
            }
        }
        make_room(&mut counts, now);
        for (key, _) in attempt.keys() {
            let count = counts.entry(key.to_owned()).or_insert(Count { attempts: 0, since: now });
            if count.since + WINDOW <= now {
                *count = Count { attempts: 0, since: now };
            }
            count.attempts += 1;
        }
        Ok(attempt)
    }

    /// Forgives the account, and takes this attempt back from its address.
    pub(crate) fn succeeded(&self, attempt: &Attempt) {
        let mut counts = self.counts();
        counts.remove(&attempt.account);
        if let Some(count) = attempt.address.as_ref().and_then(|key| counts.get_mut(key)) {
            count.attempts = count.attempts.saturating_sub(1);
        }
    }

    /// Takes an attempt back of which nobody knows whether it would have failed.
    pub(crate) fn withdraw(&self, attempt: &Attempt) {
        let mut counts = self.counts();
        for (key, _) in attempt.keys() {
            if let Some(count) = counts.get_mut(key) {
                count.attempts = count.attempts.saturating_sub(1);
            }
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<String, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    fn keys(&self) -> impl Iterator<Item = (&str, u32)> {
        let address = self.address.as_deref().map(|key| (key, PER_ADDRESS));
        std::iter::once((self.account.as_str(), PER_ACCOUNT)).chain(address)
    }
}

/// Who shares an IPv6 /64 is one and the same: a single machine has all of it.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("{:x}/64", u128::from(ip) >> 64),
    }
}

fn make_room(counts: &mut HashMap<String, Count>, now: DateTime<Utc>) {
    if counts.len() + 2 <= REMEMBERED {
        return;
    }
    counts.retain(|_, count| count.since + WINDOW > now);
    if counts.len() + 2 <= REMEMBERED {
        return;
    }
    // Many at once, so that a flood does not sort them all for every attempt.
    let mut by_attempts: Vec<(u32, DateTime<Utc>, String)> =
        counts.iter().map(|(key, c)| (c.attempts, c.since, key.clone())).collect();
    by_attempts.sort_unstable();
    for (.., key) in by_attempts.into_iter().take(REMEMBERED / 8) {
        counts.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn what_could_not_be_looked_up_does_not_count() {
        let throttle = Throttle::default();
        for _ in 0..=PER_ADDRESS {
            let attempt = throttle.attempt("alice".into(), "192.0.2.1".parse().ok(), at(0));
            throttle.withdraw(&attempt.unwrap());
        }
    }

    #[test]
    fn attempts_count_from_their_beginning() {
        let throttle = Throttle::default();
        for _ in 0..PER_ACCOUNT {
            assert!(throttle.attempt("alice".into(), None, at(0)).is_ok());
        }
        assert_eq!(throttle.attempt("alice".into(), None, at(60)).unwrap_err(), 840);
        assert!(throttle.attempt("bob".into(), None, at(60)).is_ok());
        assert!(throttle.attempt("alice".into(), None, at(900)).is_ok());
    }

    #[test]
    fn success_forgives_the_account_and_costs_the_address_nothing() {
        let throttle = Throttle::default();
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        for _ in 0..PER_ADDRESS * 2 {
            let attempt = throttle.attempt("alice".into(), address, at(0)).unwrap();
            throttle.succeeded(&attempt);
        }
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let throttle = Throttle::default();
        for n in 0..PER_ADDRESS {
            let address: IpAddr = format!("2001:db8::{n:x}").parse().unwrap();
            assert!(throttle.attempt(format!("user {n}"), Some(address), at(0)).is_ok());
        }
        let address: IpAddr = "2001:db8::ffff".parse().unwrap();
        assert!(throttle.attempt("one more".into(), Some(address), at(0)).is_err());
        let elsewhere: IpAddr = "2001:db8:0:1::1".parse().unwrap();
        assert!(throttle.attempt("one more".into(), Some(elsewhere), at(0)).is_ok());
    }

    #[test]
    fn a_flood_of_names_does_not_forgive_the_one_under_attack() {
        let throttle = Throttle::default();
        for _ in 0..PER_ACCOUNT {
            assert!(throttle.attempt("alice".into(), None, at(0)).is_ok());
        }
        for n in 0..REMEMBERED * 2 {
            assert!(throttle.attempt(format!("nobody {n}"), None, at(1)).is_ok());
        }
        assert!(throttle.attempt("alice".into(), None, at(2)).is_err());
        assert!(throttle.counts().len() <= REMEMBERED);
    }
}
