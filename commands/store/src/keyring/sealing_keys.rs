//! Data keys kept in memory for a moment, for sealing only.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use nexavpn_domain::ids::UserId;

use super::Key;

/// How long a key is kept.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// How many are kept.
const CAPACITY: usize = 10_000;

/// Saves each append a read of its actor's key.
///
/// Only sealing may use them. What is sealed with a key that was destroyed meanwhile can never be
/// opened, because whoever opens asks the database: it is erased from the beginning. A key that is
/// destroyed by this process leaves at once, by another one within [`KEPT_FOR`].
#[derive(Default)]
pub(super) struct SealingKeys(Mutex<HashMap<UserId, (Key, Instant)>>);

impl SealingKeys {
    pub(super) fn get(&self, user: UserId) -> Option<Key> {
        let mut kept = self.kept();
        let (key, since) = kept.get(&user)?;
        if since.elapsed() < KEPT_FOR {
            return Some(key.clone());
        }
        kept.remove(&user);
        None
    }

    pub(super) fn keep(&self, user: UserId, key: &Key) {
        let mut kept = self.kept();
        if kept.len() >= CAPACITY {
            kept.retain(|_, (_, since)| since.elapsed() < KEPT_FOR);
        }
        if kept.len() < CAPACITY {
            kept.insert(user, (key.clone(), Instant::now()));
        }
    }

    pub(super) fn forget(&self, users: &[UserId]) {
        let mut kept = self.kept();
        for user in users {
            kept.remove(user);
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<UserId, (Key, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
