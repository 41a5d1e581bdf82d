//! Addresses that this process has reserved before anybody asked for them: where many are asked for,
//! most get theirs without a journey to the database.
//!
//! They give way, as every reservation does that is not for one address and no other: whoever wishes
//! for one of them gets it, and a command that had it decides anew. What is not used is free again when
//! its time is over, also where this process has gone.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use nexavpn_domain::values::{Pool, Slot};
use uuid::Uuid;

use super::Reserved;

/// How many are reserved at a time, besides those that are asked for: at first, and at most.
const LEAST: usize = 16;
const MOST: usize = 64;
/// Those that last for less than this are followed by twice as many.
const SOON: Duration = Duration::from_secs(1);
/// A pool with fewer addresses has none to spare.
const LARGE: Slot = 4096;

/// What is reserved ahead, by gateway.
#[derive(Debug, Default)]
pub(crate) struct Ahead(Mutex<HashMap<Uuid, Spares>>);

#[derive(Debug, Default)]
struct Spares {
    /// When the database was asked for some, or for one where none was there.
    asked: Option<Instant>,
    /// How many were reserved then, besides.
    number: usize,
    /// More are on their way, which nobody waits for.
    more_to_come: bool,
    /// Until when each is given out.
    slots: BTreeMap<Slot, (Uuid, Instant)>,
}

impl Spares {
    /// How many to reserve ahead this time.
    fn next(&mut self, now: Instant, lifetime: Duration) -> usize {
        let since = self.asked.replace(now).map(|before| now.duration_since(before));
        self.number = match since {
            Some(since) if since < SOON => (self.number * 2).clamp(LEAST, MOST),
            Some(since) if since < lifetime / 2 => LEAST,
            _ => 0,
        };
        self.number
    }
}

impl Ahead {
    /// The lowest one of a gateway, but none of the excluded ones.
    pub(super) fn take(&self, gateway: Uuid, excluded: &[i64]) -> Option<Reserved> {
        let mut spares = self.spares();
        let slots = &mut spares.get_mut(&gateway)?.slots;
        let now = Instant::now();
        while let Some((slot, (token, until))) = slots.pop_first() {
            if now < until && !excluded.contains(&i64::from(slot)) {
                return Some(Reserved { token, slot });
            }
        }
        None
    }

    /// How many to reserve besides, now that the database is asked for an address: some where it was
    /// asked so short a time before that one of them would have been given out.
    pub(super) fn more(&self, gateway: Uuid, pool: &Pool, lifetime: Duration) -> usize {
        if pool.end() - pool.first() < LARGE {
            return 0;
        }
        self.spares().entry(gateway).or_default().next(Instant::now(), lifetime)
    }

    /// How many to reserve now, since they will soon be used up; none where that is being done.
    pub(super) fn running_low(&self, gateway: Uuid, lifetime: Duration) -> usize {
        let mut spares = self.spares();
        let Some(spares) = spares.get_mut(&gateway) else { return 0 };
        if spares.more_to_come || spares.slots.len() > spares.number / 4 {
            return 0;
        }
        let more = spares.next(Instant::now(), lifetime);
        spares.more_to_come = more > 0;
        more
    }

    /// What was reserved since it was running low is there.
    pub(super) fn no_longer_low(&self, gateway: Uuid) {
        if let Some(spares) = self.spares().get_mut(&gateway) {
            spares.more_to_come = false;
        }
    }

    /// Keeps reservations of which nobody knows yet. `lifetime` is that of the reservations, which
    /// begins now: a command that gets one has half of it.
    pub(super) fn put(
        &self,
        gateway: Uuid,
        reserved: impl Iterator<Item = Reserved>,
        lifetime: Duration,
    ) {
        let until = Instant::now() + lifetime / 2;
        let reserved = reserved.map(|Reserved { token, slot }| (slot, (token, until)));
        self.spares().entry(gateway).or_default().slots.extend(reserved);
    }

    /// This one is somebody else's now.
    pub(super) fn forget(&self, gateway: Uuid, slot: Slot) {
        if let Some(spares) = self.spares().get_mut(&gateway) {
            spares.slots.remove(&slot);
        }
    }

    /// One of a gateway's was not what it was taken for: the others may not be either.
    pub(crate) fn forget_all(&self, gateway: Uuid) {
        if let Some(spares) = self.spares().get_mut(&gateway) {
            spares.slots.clear();
        }
    }

    fn spares(&self) -> MutexGuard<'_, HashMap<Uuid, Spares>> {
        // A panic elsewhere leaves the map usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quicker_they_are_used_up_the_more_come_next() {
        let mut spares = Spares::default();
        let lifetime = Duration::from_secs(30);
        let mut now = Instant::now();
        let mut after = |ms| {
            now += Duration::from_millis(ms);
            spares.next(now, lifetime)
        };
        assert_eq!(after(0), 0, "nobody seems to be in a hurry");
        assert_eq!([after(999), after(999), after(999), after(999)], [16, 32, 64, 64]);
        assert_eq!([after(1000), after(14_999), after(999)], [16, 16, 32]);
        assert_eq!([after(15_000), after(999)], [0, 16], "what was reserved is over by then");
    }
}
