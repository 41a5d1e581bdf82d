//! Waiting for read models, and how they are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use nexavpn_store::Head;
use serde::Serialize;
use sqlx::PgPool;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};

/// How a projection is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It follows the log.
    Live,
    /// It is far behind, for example after a start or a rebuild; it is not waited for.
    CatchingUp,
    /// An event stopped it: it needs a fixed version, or a rebuild.
    Stopped {
        /// Which event.
        idx: i64,
        /// Why; without personal data.
        reason: String,
    },
    /// Its tables are of another version of the fold: it needs a rebuild.
    Outdated {
        /// The version of the tables.
        stored: i32,
    },
}

/// One projection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: &'static str,
    /// The version of the fold.
    pub version: i32,
    /// The last event folded.
    pub idx: i64,
    /// How many events are still to fold.
    pub behind: i64,
    /// The furthest that this process has ever known it to be: so much may have been read from it.
    #[serde(skip)]
    pub(crate) furthest: i64,
    /// Whether it is folded after the others.
    #[serde(skip)]
    pub(crate) trails: bool,
    /// How it is.
    #[serde(flatten)]
    pub state: State,
}

impl ProjectionStatus {
    /// Whether nothing of this event is to be waited for.
    fn has(&self, idx: i64) -> bool {
        self.state != State::Live || self.idx >= idx
    }
}

/// The read models did not come so far in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the read models have not reached event {idx} yet")]
pub struct Behind {
    /// The event that was waited for.
    pub idx: i64,
}

/// Follows the runner of this process, whichever process folds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    states: watch::Receiver<Vec<ProjectionStatus>>,
    head: watch::Receiver<Head>,
    hurry: Hurries,
}

/// Tells folds, which take their time otherwise, that somebody waits for them.
#[derive(Debug, Default)]
pub(crate) struct Hurry {
    awaited: AtomicI64,
    notify: Notify,
}

impl Hurry {
    /// Somebody waits for this event.
    fn up_to(&self, idx: i64) {
        self.awaited.fetch_max(idx, Ordering::Relaxed);
        self.notify.notify_one();
    }

    /// Waits so long, unless somebody waits for what comes after this event.
    pub(crate) async fn linger(&self, after: i64, time: Duration) {
        if self.awaited.load(Ordering::Relaxed) <= after {
            drop(timeout(time, self.notify.notified()).await);
        }
    }
}

/// For those who fold what reads wait for, and for those who fold what trails.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hurries {
    pub(crate) leading: Arc<Hurry>,
    pub(crate) trailing: Arc<Hurry>,
}

impl Handle {
    pub(crate) const fn new(
        states: watch::Receiver<Vec<ProjectionStatus>>,
        head: watch::Receiver<Head>,
        hurry: Hurries,
    ) -> Self {
        Self { states, head, hurry }
    }

    /// Waits until every live projection that does not trail has folded the event, which they do
    /// at once: reads of those then see it. A projection that is stopped or catching up is not
    /// waited for.
    ///
    /// # Errors
    /// Where the deadline comes first, or the runner has ended.
    pub async fn wait_for(&self, idx: i64, deadline: Instant) -> Result<(), Behind> {
        let folded = |all: &Vec<ProjectionStatus>| all.iter().all(|p| p.trails || p.has(idx));
        if folded(&self.states.borrow()) {
            return Ok(());
        }
        self.hurry.leading.up_to(idx);
        self.wait_until(deadline, folded).await.ok_or(Behind { idx })
    }

    /// Waits until every live projection has folded the event, those that trail too. Whoever reads one that trails asks this first.
    ///
    /// # Errors
    /// As for [`wait_for`](Self::wait_for).
    pub async fn wait_for_all(&self, idx: i64, deadline: Instant) -> Result<(), Behind> {
        let folded = |all: &Vec<ProjectionStatus>| all.iter().all(|p| p.has(idx));
        if folded(&self.states.borrow()) {
            return Ok(());
        }
        self.hurry.leading.up_to(idx);
        self.hurry.trailing.up_to(idx);
        self.wait_until(deadline, folded).await.ok_or(Behind { idx })
    }

    /// Waits until no projection is catching up.
    ///
    /// # Errors
    /// Where the deadline comes first, or the runner has ended.
    pub async fn caught_up(&self, deadline: Instant) -> Result<(), Behind> {
        let idx = self.head.borrow().idx;
        let level = |all: &Vec<ProjectionStatus>| all.iter().all(|p| p.state != State::CatchingUp);
        self.wait_until(deadline, level).await.ok_or(Behind { idx })
    }

    /// The last event that every live projection that does not trail has folded, as far as this
    /// process knows.
    #[must_use]
    pub fn leading(&self) -> i64 {
        let states = self.states.borrow();
        let leading = states.iter().filter(|p| !p.trails && p.state == State::Live);
        leading.map(|p| p.idx).min().unwrap_or(i64::MAX)
    }

    /// The last event that a projection has folded, as far as this process knows.
    #[must_use]
    pub fn folded(&self, name: &str) -> i64 {
        self.states.borrow().iter().find(|p| p.name == name).map_or(0, |p| p.idx)
    }

    /// Waits until a projection has folded more than the event of this number, whatever its state.
    /// `false` where the runner has ended: nothing more will come.
    pub async fn past(&self, name: &str, idx: i64) -> bool {
        let mut states = self.states.clone();
        let past = |all: &Vec<ProjectionStatus>| all.iter().any(|p| p.name == name && p.idx > idx);
        states.wait_for(past).await.is_ok()
    }

    async fn wait_until(
        &self,
        deadline: Instant,
        condition: impl Fn(&Vec<ProjectionStatus>) -> bool,
    ) -> Option<()> {
        let mut states = self.states.clone();
        let reached = tokio::time::timeout_at(deadline, states.wait_for(condition)).await;
        reached.ok()?.ok().map(|_| ())
    }

    /// How every projection is.
    #[must_use]
    pub fn status(&self) -> Vec<ProjectionStatus> {
        let head = self.head.borrow().idx;
        let mut all = self.states.borrow().clone();
        for projection in &mut all {
            projection.behind = (head - projection.idx).max(0);
        }
        all
    }

    /// Whether every projection is live.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.states.borrow().iter().all(|p| p.state == State::Live)
    }

    /// Asks the database whether the read models are as far as they have been. Folds, and the
    /// numbers of events, are not waited for to reach the disk: a crash of PostgreSQL sets them
    /// back by some events, which are folded again within a moment. In words; empty when nothing is
    /// lost.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn set_back(&self, pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
        // Before the database is asked: what is believed follows what was committed.
        let believed = self.states.borrow().clone();
        // A log that ends there, such as a restored one, has no more to fold.
        let behind: Vec<(String, i64)> = sqlx::query_as(
            "SELECT c.name, c.idx FROM read.projection_checkpoint c, log_head h
             WHERE c.idx < h.idx
                OR EXISTS (SELECT FROM events e WHERE (e.gen, e.tx, e.pos) > (h.gen, h.tx, h.pos))",
        )
        .fetch_all(pool)
        .await?;
        let lost = |p: &&ProjectionStatus| {
            behind.iter().any(|(name, idx)| name == p.name && *idx < p.furthest)
        };
        let lost = believed.iter().filter(lost);
        Ok(lost.map(|p| format!("the read model {} is being set right again", p.name)).collect())
    }

    /// Why the read models are not ready, in words; empty when every projection is live.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let all = self.status();
        let problem = |p: &ProjectionStatus| match &p.state {
            State::Live => None,
            State::CatchingUp => {
                Some(format!("the read model {} is {} events behind", p.name, p.behind))
            }
            State::Stopped { idx, .. } => {
                Some(format!("the read model {} is stopped at event {idx}", p.name))
            }
            State::Outdated { .. } => {
                Some(format!("the read model {0} waits for `nexavpn rebuild {0}`", p.name))
            }
        };
        all.iter().filter_map(problem).collect()
    }
}
