//! Transactions of this process that append nothing, however long they are open.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The open transactions that the order of events need not wait for: none of them will ever turn
/// out to have appended an event. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Bystanders(Arc<Mutex<BTreeSet<i64>>>);

/// One of them, for as long as its transaction may be open.
#[derive(Debug)]
pub struct Bystander {
    all: Bystanders,
    tx: i64,
}

impl Bystanders {
    /// The open transaction of this number (`pg_current_xact_id`) appends no event. To be dropped
    /// when it has ended, since a database that was restored may give the number again.
    #[must_use]
    pub fn add(&self, tx: i64) -> Bystander {
        self.open().insert(tx);
        Bystander { all: self.clone(), tx }
    }

    pub(crate) fn list(&self) -> Vec<i64> {
        self.open().iter().copied().collect()
    }

    fn open(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.all.open().remove(&self.tx);
    }
}
