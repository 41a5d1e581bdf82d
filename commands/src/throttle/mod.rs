//! Keeps passwords from being guessed, and guessers from keeping anybody else out.
//!
//! Failures at an account count for the network that they come from, which soon has to wait. Those
//! from all networks together have a limit too, against guesses from many at once; it does not hold
//! for networks from which somebody has signed in to that account lately.

mod familiar;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use familiar::Familiar;

/// Attempts within this time are counted together.
const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Failed attempts at one account from one network before that network has to wait.
const PER_NETWORK: u32 = 10;
/// Failed attempts at one account before all networks have to wait that it does not know: those of
/// a hundred networks.
const PER_ACCOUNT: u32 = 1000;
/// Failed attempts from one address before it has to wait.
const PER_ADDRESS: u32 = 100;
/// Counts remembered at once; beyond it those with the fewest failures are forgotten.
const REMEMBERED: usize = 20_000;
/// Of IPv6, what a single machine has all of.
const MACHINE: u8 = 64;
/// Of IPv6, what a single customer of a provider has all of at most.
const SITE: u8 = 48;

/// Counts attempts at passwords, in memory: a restart forgives. An attempt counts from its
/// beginning and is taken back when it succeeds, so that many at once count as many.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    counts: HashMap<Key, Count>,
    familiar: Familiar,
}

/// What is counted. An IPv6 network is its first address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Attempts at an account from a network; from nobody knows where is a network as well.
    Network(String, Option<IpAddr>),
    /// Attempts at an account.
    Account(String),
    /// Attempts from an address, whatever the account.
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Count {
    attempts: u32,
    since: DateTime<Utc>,
}

/// An attempt that was let through.
#[derive(Debug)]
pub(crate) struct Attempt {
    account: String,
    address: Option<IpAddr>,
}

impl Throttle {
    /// Counts an attempt, or says in how many seconds the next one makes sense.
    pub(crate) fn attempt(
        &self,
        account: String,
        address: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, u64> {
        let attempt = Attempt { account, address };
        let mut memory = self.memory();
        let Memory { counts, familiar } = &mut *memory;
        let at_home = attempt.site().is_some_and(|n| familiar.knows(&attempt.account, n, now));
        let keys = attempt.keys();
        let binding = keys.iter().filter(|key| !(at_home && matches!(key, Key::Account(_))));
        let waits = binding.filter_map(|key| counts.get(key)?.wait(key.limit(), now));
        if let Some(wait) = waits.max() {
            return Err(seconds(wait));
        }
        if counts.len() + keys.len() > REMEMBERED {
            counts.retain(|_, count| count.left(now) > TimeDelta::zero());
        }
        if counts.len() + keys.len() > REMEMBERED {
            make_room(counts, |count| (count.attempts, count.since));
        }
        for key in keys {
            let count = counts.entry(key).or_insert(Count { attempts: 0, since: now });
            if count.left(now) <= TimeDelta::zero() {
                *count = Count { attempts: 0, since: now };
            }
            count.attempts += 1;
        }
        Ok(attempt)
    }

    /// Forgives the account's failures from this network, which is familiar from now on, and takes
    /// this attempt back from what else it counts for.
    pub(crate) fn succeeded(&self, attempt: &Attempt, now: DateTime<Utc>) {
        self.withdraw(attempt);
        let mut memory = self.memory();
        let site = attempt.site();
        memory.counts.remove(&Key::Network(attempt.account.clone(), site));
        if let Some(site) = site {
            memory.familiar.note(&attempt.account, site, now);
        }
    }

    /// Takes an attempt back of which nobody knows whether it would have failed.
    pub(crate) fn withdraw(&self, attempt: &Attempt) {
        let mut memory = self.memory();
        for key in attempt.keys() {
            if let Some(count) = memory.counts.get_mut(&key) {
                count.attempts = count.attempts.saturating_sub(1);
                if count.attempts == 0 {
                    memory.counts.remove(&key);
                }
            }
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// What is one network to an account: who has many /64s has them within one /48.
    fn site(&self) -> Option<IpAddr> {
        self.address.map(|address| network(address, SITE))
    }

    fn keys(&self) -> Vec<Key> {
        let account = || self.account.clone();
        let address = self.address.map(|address| Key::Address(client_network(address)));
        let both = [Key::Network(account(), self.site()), Key::Account(account())];
        both.into_iter().chain(address).collect()
    }
}

impl Key {
    const fn limit(&self) -> u32 {
        match self {
            Self::Network(..) => PER_NETWORK,
            Self::Account(_) => PER_ACCOUNT,
            Self::Address(_) => PER_ADDRESS,
        }
    }
}

impl Count {
    /// How long it still counts.
    fn left(&self, now: DateTime<Utc>) -> TimeDelta {
        self.since + WINDOW - now
    }

    /// How long to wait, where the limit is reached.
    fn wait(&self, limit: u32, now: DateTime<Utc>) -> Option<TimeDelta> {
        let left = self.left(now);
        (self.attempts >= limit && left > TimeDelta::zero()).then_some(left)
    }
}

/// What counts as one client: an IPv4 address, or the first one of an IPv6 /64, of which a single machine
/// has all.
#[must_use]
pub fn client_network(address: IpAddr) -> IpAddr {
    network(address, MACHINE)
}

/// An IPv4 address, or the first one of so many bits of IPv6.
fn network(address: IpAddr, bits: u8) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & !(u128::MAX >> bits)).into()),
        v4 => v4,
    }
}

/// Never too few: whoever comes then is let in.
fn seconds(wait: TimeDelta) -> u64 {
    let whole = wait.num_seconds() + i64::from(wait.subsec_nanos() > 0);
    u64::try_from(whole).unwrap_or(0).max(1)
}

/// Forgets the eighth of the lowest rank: many at once, so that a flood does not have them ranked
/// for every attempt.
fn make_room<K: Eq + Hash, V, R: Ord + Copy>(of: &mut HashMap<K, V>, rank: impl Fn(&V) -> R) {
    let mut ranks: Vec<R> = of.values().map(&rank).collect();
    let at = ranks.len() / 8;
    if at < ranks.len() {
        let (_, bound, _) = ranks.select_nth_unstable(at);
        let bound = *bound;
        of.retain(|_, value| rank(value) > bound);
    }
}
