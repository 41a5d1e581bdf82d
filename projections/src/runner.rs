//! Keeping the read models up to date.

use std::{sync::Arc, time::Duration};

use nexavpn_store::{Head, Log, Recorded, StoreError};
use sqlx::PgPool;
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use crate::{
    ApplyError, Handle, Projection, ProjectionStatus, State,
    advance::{Advanced, BATCH, Own, Schema},
    checkpoint,
    handle::{Hurries, Hurry},
};

/// How often to look at the checkpoints where nothing happens: another process may have rebuilt a
/// read model or stopped one.
const LOOK: Duration = Duration::from_millis(250);
/// How long events may wait for a fold, so that more of them share a batch. Somebody who waits for
/// it ends that.
const UNHURRIED: Duration = Duration::from_millis(20);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Folds the log into read models, in any number of processes at once. Ends when it is dropped,
/// after the batch at hand.
#[derive(Debug)]
pub struct Runner {
    handle: Handle,
    // Asked to end, never aborted: a batch at hand is finished.
    stop: watch::Sender<bool>,
    lanes: Vec<JoinHandle<()>>,
}

impl Runner {
    /// Starts folding. `head` has to follow the log.
    ///
    /// Three tasks share the work: the live projections, for which every read waits; those that trail them; and those that are far behind, which hold nobody up.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn start(
        pool: PgPool,
        log: Log,
        head: watch::Receiver<Head>,
        projections: &'static [&'static dyn Projection],
    ) -> Result<Self, StoreError> {
        checkpoint::prepare(&pool, projections).await?;
        let states = projections
            .iter()
            .map(|p| ProjectionStatus {
                name: p.name(),
                version: p.version(),
                idx: 0,
                behind: 0,
                furthest: 0,
                trails: p.trails(),
                state: State::CatchingUp,
            })
            .collect();
        let states = watch::Sender::new(states);
        checkpoint::reload(&pool, projections, &states).await?;
        let hurry = Hurries::default();
        let handle = Handle::new(states.subscribe(), head.clone(), hurry.clone());
        let shared = Arc::new(Shared { pool, log, projections, states, hurry });
        let stop = watch::Sender::new(false);
        let lanes = [Work::Leading, Work::Trailing, Work::CatchingUp].map(|work| {
            let lane = Lane {
                work,
                shared: Arc::clone(&shared),
                head: head.clone(),
                stop: stop.subscribe(),
                pauses: vec![None; projections.len()],
                own: Own::new(shared.log.bystanders()),
            };
            tokio::spawn(lane.run())
        });
        Ok(Self { handle, stop, lanes: lanes.into() })
    }

    /// Ends after the batch at hand.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for lane in std::mem::take(&mut self.lanes) {
            // A lane that panicked has ended too.
            let _ = lane.await;
        }
    }

    /// Waiting for the read models, and how they are.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

struct Shared {
    pool: PgPool,
    log: Log,
    projections: &'static [&'static dyn Projection],
    states: watch::Sender<Vec<ProjectionStatus>>,
    hurry: Hurries,
}

/// A projection that failed for the moment.
#[derive(Clone, Copy)]
struct Pause {
    until: Instant,
    length: Duration,
}

/// What a task folds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// What reads wait for.
    Leading,
    /// What is folded up to where those are.
    Trailing,
    /// What is far behind.
    CatchingUp,
}

impl Work {
    fn of(projection: &ProjectionStatus) -> Option<Self> {
        match projection.state {
            State::Live if projection.trails => Some(Self::Trailing),
            State::Live => Some(Self::Leading),
            State::CatchingUp => Some(Self::CatchingUp),
            State::Stopped { .. } | State::Outdated { .. } => None,
        }
    }
}

/// One of the tasks.
struct Lane {
    work: Work,
    shared: Arc<Shared>,
    head: watch::Receiver<Head>,
    stop: watch::Receiver<bool>,
    pauses: Vec<Option<Pause>>,
    own: Own,
}

impl Lane {
    async fn run(mut self) {
        let mut states = self.shared.states.subscribe();
        let mut failing = false;
        // Its sender goes with the runner.
        while !*self.stop.borrow() && self.stop.has_changed().is_ok() {
            states.mark_unchanged();
            let head = self.head.borrow_and_update().idx;
            match self.step(head).await {
                Ok(true) => {
                    failing = false;
                    continue;
                }
                Ok(false) => failing = false,
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "read models wait for the database");
                    }
                    failing = true;
                    tokio::time::sleep(FIRST_PAUSE).await;
                }
            }
            let rest = self.rest();
            tokio::select! {
                changed = self.head.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                _ = self.stop.changed() => return,
                _ = states.changed() => {}
                () = tokio::time::sleep(rest) => {
                    if let Err(error) = self.reload().await {
                        tracing::debug!(%error, "cannot read the checkpoints");
                    }
                }
            }
        }
    }

    /// Until the next look, or the end of a pause.
    fn rest(&self) -> Duration {
        let now = Instant::now();
        let pauses = self.pauses.iter().flatten();
        pauses.map(|p| p.until.saturating_duration_since(now)).min().unwrap_or(LOOK).min(LOOK)
    }

    async fn reload(&self) -> Result<(), sqlx::Error> {
        checkpoint::reload(&self.shared.pool, self.shared.projections, &self.shared.states).await
    }

    /// Folds one batch into those projections that are the furthest behind. `false` where there
    /// is nothing to do.
    async fn step(&mut self, head: i64) -> Result<bool, StoreError> {
        self.promote(head);
        let group = self.furthest_behind(head.min(self.bound()));
        let Some(&(_, from)) = group.first() else {
            return Ok(false);
        };
        if let Some(hurry) = self.hurry() {
            hurry.linger(from, UNHURRIED).await;
        }
        let bound = self.bound();
        let mut events = self.shared.log.follow(from, BATCH).await?;
        events.truncate(events.partition_point(|e| e.idx <= bound));
        if events.is_empty() {
            return Ok(false);
        }
        let members: Vec<usize> = group.iter().map(|(i, _)| *i).collect();
        if !self.try_advance(&members, from, &events).await? {
            // One of them fails: let the others go on without it.
            for i in members {
                self.advance_alone(i, from, &events).await?;
            }
        }
        Ok(true)
    }

    /// What is level, or nearly, becomes live.
    fn promote(&self, head: i64) {
        if self.work != Work::CatchingUp {
            return;
        }
        let near = head - i64::try_from(BATCH).unwrap_or(0);
        self.shared.states.send_if_modified(|states| {
            let mut any = false;
            for p in states.iter_mut().filter(|p| p.state == State::CatchingUp && p.idx >= near) {
                p.state = State::Live;
                any = true;
            }
            any
        });
    }

    /// What tells that somebody waits for this task.
    fn hurry(&self) -> Option<&Hurry> {
        match self.work {
            Work::Leading => Some(&self.shared.hurry.leading),
            Work::Trailing => Some(&self.shared.hurry.trailing),
            Work::CatchingUp => None,
        }
    }

    /// How far this task may fold, besides the log's end.
    fn bound(&self) -> i64 {
        if self.work != Work::Trailing {
            return i64::MAX;
        }
        let states = self.shared.states.borrow();
        let leading = states.iter().filter(|p| Work::of(p) == Some(Work::Leading));
        leading.map(|p| p.idx).min().unwrap_or(i64::MAX)
    }

    fn furthest_behind(&self, head: i64) -> Vec<(usize, i64)> {
        let now = Instant::now();
        let states = self.shared.states.borrow();
        let behind = states.iter().enumerate().filter(|(i, p)| {
            Work::of(p) == Some(self.work)
                && p.idx < head
                && self.pauses.get(*i).is_none_or(|p| p.is_none_or(|p| p.until <= now))
        });
        let behind: Vec<(usize, i64)> = behind.map(|(i, p)| (i, p.idx)).collect();
        let from = behind.iter().map(|(_, idx)| *idx).min();
        behind.into_iter().filter(|(_, idx)| Some(*idx) == from).collect()
    }

    /// `false` where a fold failed: nothing was written.
    async fn try_advance(
        &mut self,
        members: &[usize],
        from: i64,
        events: &[Recorded],
    ) -> Result<bool, StoreError> {
        match self.advance(members, from, events).await {
            Ok(Advanced::Done) => {
                self.moved(members, events);
                Ok(true)
            }
            Ok(Advanced::Lost) => {
                self.reload().await?;
                Ok(true)
            }
            Err(_) => Ok(false),
        }
    }

    async fn advance(
        &mut self,
        members: &[usize],
        from: i64,
        events: &[Recorded],
    ) -> Result<Advanced, ApplyError> {
        let projections: Vec<&'static dyn Projection> =
            members.iter().filter_map(|i| self.shared.projections.get(*i).copied()).collect();
        self.own.advance(&self.shared.pool, &Schema::live(), &projections, from, events).await
    }

    fn moved(&mut self, members: &[usize], events: &[Recorded]) {
        let Some(last) = events.last() else {
            return;
        };
        self.shared.states.send_modify(|states| {
            for i in members {
                if let Some(p) = states.get_mut(*i) {
                    p.idx = last.idx;
                    p.furthest = p.furthest.max(p.idx);
                }
            }
        });
        for i in members {
            if let Some(pause) = self.pauses.get_mut(*i) {
                *pause = None;
            }
        }
    }

    /// The whole batch if that works, else event by event up to the one that fails.
    async fn advance_alone(
        &mut self,
        i: usize,
        from: i64,
        events: &[Recorded],
    ) -> Result<(), StoreError> {
        if self.try_advance(&[i], from, events).await? {
            return Ok(());
        }
        let mut from = from;
        for event in events {
            let one = std::slice::from_ref(event);
            match self.advance(&[i], from, one).await {
                Ok(Advanced::Done) => {
                    self.moved(&[i], one);
                    from = event.idx;
                }
                Ok(Advanced::Lost) => return Ok(self.reload().await?),
                Err(error) => return self.failed(i, from, event, &error).await,
            }
        }
        Ok(())
    }

    async fn failed(
        &mut self,
        i: usize,
        from: i64,
        event: &Recorded,
        error: &ApplyError,
    ) -> Result<(), StoreError> {
        let Some(projection) = self.shared.projections.get(i) else {
            return Ok(());
        };
        let name = projection.name();
        if error.is_transient() {
            let pause = self.pause(i);
            tracing::warn!(projection = name, idx = event.idx, %error, ?pause, "will try again");
            return Ok(());
        }
        let reason = error.to_string();
        if checkpoint::stop(&self.shared.pool, *projection, from, event.idx, &reason).await? {
            tracing::error!(
                projection = name, idx = event.idx, event_type = %event.event_type, reason,
                "the projection {name} is stopped: its read model stays as it is until it is \
                 rebuilt by a version that can fold the event"
            );
        }
        Ok(self.reload().await?)
    }

    /// Longer with each failure in a row.
    fn pause(&mut self, i: usize) -> Duration {
        let Some(pause) = self.pauses.get_mut(i) else {
            return FIRST_PAUSE;
        };
        let length = pause.map_or(FIRST_PAUSE, |p| (p.length * 2).min(LONGEST_PAUSE));
        *pause = Some(Pause { until: Instant::now() + length, length });
        length
    }
}
