//! One after another, by name.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

type Gates = Arc<Mutex<HashMap<String, Arc<Gate<()>>>>>;

/// Who works under which name. Holds as many names as there are requests that run or wait.
#[derive(Debug, Default)]
pub struct Turns(Gates);

/// A turn, over when it is dropped.
#[derive(Debug)]
pub struct Turn {
    // Dropped before the place, which counts it.
    _gate: OwnedMutexGuard<()>,
    _place: Place,
}

/// A place in the queue for a name.
#[derive(Debug)]
struct Place {
    gates: Gates,
    name: String,
    gate: Option<Arc<Gate<()>>>,
}

impl Turns {
    /// Waits until nobody else works under the name, within a bound.
    pub async fn take(&self, name: String, patience: Duration) -> Option<Turn> {
        let gate = Arc::clone(lock(&self.0).entry(name.clone()).or_default());
        let place = Place { gates: Arc::clone(&self.0), name, gate: Some(Arc::clone(&gate)) };
        let guard = tokio::time::timeout(patience, gate.lock_owned()).await.ok()?;
        Some(Turn { _gate: guard, _place: place })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut gates = lock(&self.gates);
        // Under the lock, so that of two who leave at once the second sees itself alone.
        self.gate = None;
        if gates.get(&self.name).is_some_and(|gate| Arc::strong_count(gate) == 1) {
            gates.remove(&self.name);
        }
    }
}

fn lock(gates: &Gates) -> MutexGuard<'_, HashMap<String, Arc<Gate<()>>>> {
    gates.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_forgotten_with_the_last_who_waits_for_it() {
        let turns = Turns::default();
        let first = turns.take("a".into(), Duration::from_secs(1)).await.unwrap();
        assert!(turns.take("a".into(), Duration::from_millis(1)).await.is_none());
        assert!(turns.take("b".into(), Duration::from_millis(1)).await.is_some());
        let (second, ()) = tokio::join!(turns.take("a".into(), Duration::from_secs(9)), async {
            tokio::task::yield_now().await;
            drop(first);
        });
        assert!(second.is_some());
        drop(second);
        assert!(lock(&turns.0).is_empty());
    }
}
