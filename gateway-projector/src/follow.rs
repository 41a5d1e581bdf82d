//! One in-memory [`Fleet`] that follows the stream.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use nexavpn_domain::{
    fleet::{Fleet, Witness},
    ids::{DeviceId, GatewayId},
};
use nexavpn_store::{Recorded, Store, StoreError};
use thiserror::Error;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    folded::{FoldError, Folded, Lag},
    past::Past,
    snapshots::{self, Keeper, Snapshots},
};

/// How many events are read at once.
const BATCH: usize = 1_000;
/// How many events are folded under one lock, so that readers wait briefly also while catching up.
const UNDER_ONE_LOCK: usize = 50;
/// The pause after a failure of the database, doubled each time up to the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How the follower stands to the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FleetStatus {
    /// It has caught up and follows.
    Live,
    /// It has not caught up since its start or since the database failed.
    CatchingUp,
    /// It stopped for good at an event that it cannot fold. Nothing is published any more.
    Stopped {
        /// Why.
        reason: String,
    },
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The event has been folded.
    Reached,
    /// The deadline came first.
    TimedOut,
    /// Not waited for: the follower has stopped or is catching up.
    NotLive,
}

/// Why there is no fleet of a past moment.
#[derive(Debug, Error)]
pub enum FleetAtError {
    /// The stream is not that long.
    #[error("there is no event {wanted} yet, the last one is {last}")]
    Beyond {
        /// The idx asked for.
        wanted: i64,
        /// The last one there is.
        last: i64,
    },
    /// An event cannot be folded.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Progress {
    idx: i64,
    /// The last event of the kept state that it went on from.
    kept: i64,
    status: FleetStatus,
}

/// The fleet as it is now. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct FleetHandle {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    folded: RwLock<Folded>,
    progress: watch::Sender<Progress>,
    revised: Mutex<HashMap<GatewayId, watch::Sender<i64>>>,
    follower: Mutex<Option<JoinHandle<()>>>,
    past: Arc<Past>,
}

impl std::fmt::Debug for FleetHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FleetHandle").field("progress", &*self.shared.progress.borrow()).finish()
    }
}

impl FleetHandle {
    /// Starts to follow the stream, in a task of its own that ends with [`stop`](Self::stop) or
    /// with the store. It goes on from the newest state that was kept, or from the beginning.
    #[must_use]
    pub fn start(store: Store) -> Self {
        Self::start_keeping(store, snapshots::EVERY)
    }

    /// The same, where the state is kept after so many events.
    #[must_use]
    pub fn start_keeping(store: Store, every: i64) -> Self {
        let progress = Progress { idx: 0, kept: 0, status: FleetStatus::CatchingUp };
        let shared = Arc::new(Shared {
            store,
            folded: RwLock::default(),
            progress: watch::Sender::new(progress),
            revised: Mutex::default(),
            follower: Mutex::default(),
            past: Arc::default(),
        });
        let follower = tokio::spawn(Shared::follow(Arc::clone(&shared), every));
        *shared.follower.lock().unwrap_or_else(PoisonError::into_inner) = Some(follower);
        Self { shared }
    }

    /// Ends the task. What has been folded can still be read, but nothing is published any more.
    pub fn stop(&self) {
        let follower = self.shared.follower.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(follower) = follower {
            follower.abort();
        }
    }

    /// Reads the fleet. The lock is held meanwhile, and the follower waits: be brief.
    pub fn read<T>(&self, read: impl FnOnce(&Fleet) -> T) -> T {
        self.read_folded(|folded| read(folded.fleet()))
    }

    /// The store whose stream is followed.
    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }

    fn read_folded<T>(&self, read: impl FnOnce(&Folded) -> T) -> T {
        // Poisoned means that a fold panicked: the status says Stopped, so that nothing is
        // published from here.
        read(&self.shared.folded.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, to take something out. Both follower and readers wait: be brief.
    pub(crate) fn write_folded<T>(&self, write: impl FnOnce(&mut Folded) -> T) -> T {
        write(&mut self.shared.folded.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// How the follower stands to the stream.
    #[must_use]
    pub fn status(&self) -> FleetStatus {
        self.shared.progress.borrow().status.clone()
    }

    /// The last event folded.
    #[must_use]
    pub fn idx(&self) -> i64 {
        self.shared.progress.borrow().idx
    }

    /// The last event of the kept state that it went on from at its start; 0 where it began with
    /// the first event.
    #[must_use]
    pub fn went_on_from(&self) -> i64 {
        self.shared.progress.borrow().kept
    }

    /// Waits until the event with this idx has been folded.
    pub async fn wait_for(&self, idx: i64, deadline: Instant) -> Waited {
        let mut progress = self.shared.progress.subscribe();
        let end = progress.wait_for(|p| p.idx >= idx || p.status != FleetStatus::Live);
        match tokio::time::timeout_at(deadline.into(), end).await {
            Err(_) => Waited::TimedOut,
            Ok(Ok(p)) if p.idx >= idx => Waited::Reached,
            Ok(_) => Waited::NotLive,
        }
    }

    /// Waits until the follower has caught up; `false` where it has stopped or the deadline came
    /// first. For the start, when [`wait_for`](Self::wait_for) does not wait.
    pub async fn wait_until_live(&self, deadline: Instant) -> bool {
        let mut progress = self.shared.progress.subscribe();
        let end = progress.wait_for(|p| p.status != FleetStatus::CatchingUp);
        let end = tokio::time::timeout_at(deadline.into(), end).await;
        matches!(end, Ok(Ok(p)) if p.status == FleetStatus::Live)
    }

    /// The newest revision of a gateway, now and each time it rises. Ends when the gateway is
    /// deleted; `None` for an unknown one.
    #[must_use]
    pub fn revisions(&self, id: GatewayId) -> Option<watch::Receiver<i64>> {
        // Under the fleet's lock, so that no revision slips in between.
        self.read(|fleet| {
            let revision = fleet.gateway(id)?.revision;
            let mut revised = self.shared.revised.lock().unwrap_or_else(PoisonError::into_inner);
            let sender = revised.entry(id).or_insert_with(|| watch::Sender::new(revision));
            Some(sender.subscribe())
        })
    }

    /// How far behind a gateway is that has applied this revision; `None` where it is not.
    pub(crate) fn lag(&self, id: GatewayId, applied: i64) -> Option<Lag> {
        self.read_folded(|folded| folded.lag(id, applied))
    }

    /// The fleet as it was right after the event with this idx, folded by the code that serves the
    /// present, from the newest state before it that was kept.
    ///
    /// # Errors
    /// Where the stream is shorter, cannot be read or cannot be folded.
    pub async fn fleet_at(&self, idx: i64) -> Result<Fleet, FleetAtError> {
        let mut folded = Snapshots::new(self.shared.store.clone()).up_to(idx).await;
        folded.go_on(&self.shared.store, idx).await?;
        Ok(folded.into_fleet())
    }

    /// The same, for questions: the last few fleets that were asked for are kept for a while.
    ///
    /// # Errors
    /// As [`fleet_at`](Self::fleet_at).
    pub async fn past(&self, idx: i64) -> Result<Arc<Fleet>, FleetAtError> {
        let past = &self.shared.past;
        if let Some(fleet) = past.known(idx) {
            return Ok(fleet);
        }
        // The present is at hand.
        if let Some(fleet) = self.read(|fleet| (fleet.idx() == idx).then(|| fleet.clone())) {
            let fleet = Arc::new(fleet);
            past.keep(&fleet);
            return Ok(fleet);
        }
        past.at(&self.shared.store, idx).await
    }

    /// A witness of some devices from right after the event with this idx on. Where a state is kept
    /// there, nobody else's access is worked out for it.
    ///
    /// # Errors
    /// As [`fleet_at`](Self::fleet_at).
    pub async fn witness(
        &self,
        idx: i64,
        devices: BTreeSet<DeviceId>,
    ) -> Result<Witness, FleetAtError> {
        if idx == 0 {
            return Ok(Witness::new(devices));
        }
        if let Some(fleet) = self.shared.past.known(idx) {
            return Ok(Witness::of(&fleet, devices));
        }
        let snapshots = Snapshots::new(self.shared.store.clone());
        match snapshots.witness_at(idx, devices.clone()).await {
            Some(witness) => Ok(witness),
            None => Ok(Witness::of(&*self.past(idx).await?, devices)),
        }
    }

    /// The first event from this one on at which a state is kept: the fleet of then is read, and
    /// nothing folded.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn kept_from(&self, idx: i64) -> Result<Option<i64>, FleetAtError> {
        Ok(Snapshots::new(self.shared.store.clone()).oldest_from(idx).await?)
    }

    /// The last event up to this one at which a state is kept; 0, the beginning, where there is none.
    pub async fn kept_up_to(&self, idx: i64) -> i64 {
        Snapshots::new(self.shared.store.clone()).newest_up_to(idx).await
    }
}

impl Folded {
    /// Reads and folds up to this event.
    pub(crate) async fn go_on(&mut self, store: &Store, idx: i64) -> Result<(), FleetAtError> {
        while self.fleet().idx() < idx {
            let last = self.fleet().idx();
            let missing = usize::try_from(idx - last).unwrap_or(BATCH);
            let batch = store.log().read(last, BATCH.min(missing)).await?;
            if batch.is_empty() {
                return Err(FleetAtError::Beyond { wanted: idx, last });
            }
            for recorded in batch {
                self.apply(recorded.idx, recorded.effective_time, recorded.event)?;
            }
        }
        Ok(())
    }
}

impl Shared {
    async fn follow(self: Arc<Self>, every: i64) {
        // Also where a fold panics or the task is aborted, nobody may take the state for live.
        let _guard = StopGuard(&self.progress);
        let mut head = self.store.head();
        let snapshots = Snapshots::new(self.store.clone());
        self.begin_with(snapshots.up_to(i64::MAX).await);
        let mut keeper = Keeper::new(snapshots, every, self.progress.borrow().idx);
        let mut pause = FIRST_PAUSE;
        loop {
            let wanted = head.borrow_and_update().idx;
            match self.catch_up(wanted, &mut keeper).await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(FleetAtError::Fold(error)) => {
                    tracing::error!(%error, "the fleet has stopped; no bundle is published");
                    self.set_status(FleetStatus::Stopped { reason: error.to_string() });
                    return;
                }
                // The order may be behind its head for a moment too: after a crash of the
                // database it is derived again.
                Err(error @ (FleetAtError::Store(_) | FleetAtError::Beyond { .. })) => {
                    tracing::warn!(%error, "the fleet cannot read the event stream; trying again");
                    self.set_status(FleetStatus::CatchingUp);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            }
            if head.changed().await.is_err() {
                let reason = "the event store was closed".to_owned();
                self.set_status(FleetStatus::Stopped { reason });
                return;
            }
        }
    }

    /// Puts a state in place of none.
    fn begin_with(&self, state: Folded) {
        let mut folded = self.folded.write().unwrap_or_else(PoisonError::into_inner);
        *folded = state;
        let idx = folded.fleet().idx();
        drop(folded);
        if idx > 0 {
            tracing::info!(idx, "the fleet goes on from a kept state");
        }
        self.progress.send_modify(|progress| (progress.idx, progress.kept) = (idx, idx));
    }

    /// Reads and folds up to this idx, then calls itself live.
    async fn catch_up(&self, wanted: i64, keeper: &mut Keeper) -> Result<(), FleetAtError> {
        loop {
            let last = self.progress.borrow().idx;
            if last >= wanted {
                break;
            }
            let batch = self.store.log().follow(last, BATCH).await?;
            if batch.is_empty() {
                return Err(FleetAtError::Beyond { wanted, last });
            }
            let mut batch = batch.into_iter().peekable();
            while batch.peek().is_some() {
                self.fold(batch.by_ref().take(UNDER_ONE_LOCK))?;
                let image = {
                    let folded = self.folded.read().unwrap_or_else(PoisonError::into_inner);
                    keeper.is_due(folded.fleet()).then(|| folded.image())
                };
                if let Some(image) = image {
                    keeper.keep(image);
                }
                tokio::task::yield_now().await;
            }
        }
        self.set_status(FleetStatus::Live);
        Ok(())
    }

    fn fold(&self, batch: impl Iterator<Item = Recorded>) -> Result<(), FoldError> {
        let mut folded = self.folded.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = std::collections::BTreeSet::new();
        let mut result = Ok(());
        for recorded in batch {
            match folded.apply(recorded.idx, recorded.effective_time, recorded.event) {
                Ok(mut changes) => changed.append(&mut changes.gateways),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        {
            let mut revised = self.revised.lock().unwrap_or_else(PoisonError::into_inner);
            revised.retain(|id, sender| {
                let Some(gateway) = folded.fleet().gateway(*id) else { return false };
                if changed.contains(id) {
                    sender.send_replace(gateway.revision);
                }
                true
            });
        }
        let idx = folded.fleet().idx();
        drop(folded);
        self.progress.send_modify(|progress| progress.idx = idx);
        result
    }

    fn set_status(&self, status: FleetStatus) {
        self.progress.send_if_modified(|progress| {
            let other = progress.status != status;
            progress.status = status;
            other
        });
    }
}

struct StopGuard<'a>(&'a watch::Sender<Progress>);

impl Drop for StopGuard<'_> {
    fn drop(&mut self) {
        self.0.send_if_modified(|progress| {
            if matches!(progress.status, FleetStatus::Stopped { .. }) {
                return false;
            }
            let reason = "the fold of the event stream was ended".to_owned();
            progress.status = FleetStatus::Stopped { reason };
            true
        });
    }
}
