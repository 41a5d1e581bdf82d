//! Fleets of past moments, of which the last few are kept: questions about one moment come in
//! groups.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use nexavpn_domain::fleet::Fleet;
use nexavpn_store::Store;

use crate::{FleetAtError, folded::Folded, snapshots::Snapshots};

/// How many fleets are kept at most, and how many things they are about together.
const FLEETS: usize = 8;
const THINGS: usize = 300_000;
/// For how long one is kept that nobody asks for.
const KEPT: Duration = Duration::from_secs(120);

/// The fleets.
#[derive(Default)]
pub(crate) struct Past {
    /// The one asked for last comes last.
    kept: Mutex<Vec<Kept>>,
    /// Held while one is folded: what others ask for is often the same, and memory stays bounded.
    folding: tokio::sync::Mutex<()>,
}

struct Kept {
    fleet: Arc<Fleet>,
    asked: Instant,
}

impl Past {
    /// The fleet right after the event with this idx.
    pub(crate) async fn at(
        self: &Arc<Self>,
        store: &Store,
        idx: i64,
    ) -> Result<Arc<Fleet>, FleetAtError> {
        if let Some(fleet) = self.known(idx) {
            return Ok(fleet);
        }
        let _turn = self.folding.lock().await;
        if let Some(fleet) = self.known(idx) {
            return Ok(fleet);
        }
        let snapshots = Snapshots::new(store.clone());
        let begin = match self.before(idx) {
            // A kept state that is nearer is quicker.
            Some(fleet) if fleet.idx() >= snapshots.newest_up_to(idx).await => {
                Folded::of(Fleet::clone(&fleet))
            }
            _ => snapshots.up_to(idx).await,
        };
        let mut folded = begin;
        folded.go_on(store, idx).await?;
        let fleet = Arc::new(folded.into_fleet());
        self.keep(&fleet);
        Ok(fleet)
    }

    /// Keeps a fleet for those who ask next.
    pub(crate) fn keep(self: &Arc<Self>, fleet: &Arc<Fleet>) {
        let mut kept = self.lock();
        kept.retain(|one| one.fleet.idx() != fleet.idx());
        kept.push(Kept { fleet: Arc::clone(fleet), asked: Instant::now() });
        while kept.len() > 1
            && (kept.len() > FLEETS
                || kept.iter().map(|one| one.fleet.size()).sum::<usize>() > THINGS)
        {
            kept.remove(0);
        }
        drop(kept);
        tokio::spawn(forget(Arc::downgrade(self)));
    }

    /// One that is kept.
    pub(crate) fn known(&self, idx: i64) -> Option<Arc<Fleet>> {
        let mut kept = self.lock();
        let place = kept.iter().position(|one| one.fleet.idx() == idx)?;
        let mut one = kept.remove(place);
        one.asked = Instant::now();
        let fleet = Arc::clone(&one.fleet);
        kept.push(one);
        Some(fleet)
    }

    /// The newest one before an event.
    fn before(&self, idx: i64) -> Option<Arc<Fleet>> {
        let kept = self.lock();
        let fleets = kept.iter().map(|one| &one.fleet).filter(|fleet| fleet.idx() < idx);
        fleets.max_by_key(|fleet| fleet.idx()).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of what nobody has asked for, after a while.
async fn forget(past: Weak<Past>) {
    tokio::time::sleep(KEPT).await;
    if let Some(past) = past.upgrade() {
        past.lock().retain(|one| one.asked.elapsed() < KEPT);
    }
}
