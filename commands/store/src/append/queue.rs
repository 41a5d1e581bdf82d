//! Concurrent appends are gathered into one transaction: one statement and one commit for all
//! that arrived while the one before was being written to disk.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

use super::{
    Position,
    prepare::Prepared,
    write::{End, Terms, write, write_alone},
};
use crate::{AppendError, Options, direct::Spare, sequencer::Sequencer};

/// Where a commit takes less, there is no point in waiting for company.
const SLOW_COMMIT: Duration = Duration::from_millis(1);
/// How long to wait for it otherwise.
const LINGER: Duration = Duration::from_millis(1);

type Answer = Result<Position, AppendError>;

struct Item {
    prepared: Arc<Prepared>,
    /// `None` asks the sender to write its append alone.
    answer: oneshot::Sender<Option<Answer>>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    /// How many a committer would like to see waiting.
    wanted: usize,
    committers: usize,
}

impl State {
    /// The one that has waited longest, and so many others that it can share with.
    fn take(&mut self, most: usize) -> Vec<Item> {
        let Some(company) = self.waiting.front().map(|item| item.prepared.company()) else {
            return vec![];
        };
        let (mut taken, mut left) = (Vec::new(), VecDeque::new());
        for item in self.waiting.drain(..) {
            if taken.len() < most && item.prepared.company() == company {
                taken.push(item);
            } else {
                left.push_back(item);
            }
        }
        self.waiting = left;
        taken
    }
}

/// Where appends wait for a committer. Committers are started on demand and end when nothing is
/// left to do.
pub(crate) struct Queue {
    state: Mutex<State>,
    complete: Notify,
    spare: Spare,
    options: Options,
    sequencer: Arc<Sequencer>,
}

impl Queue {
    pub(crate) fn new(
        connect: PgConnectOptions,
        options: Options,
        sequencer: Arc<Sequencer>,
    ) -> Self {
        let (state, complete) = (Mutex::default(), Notify::new());
        Self { state, complete, spare: Spare::new(connect), options, sequencer }
    }

    /// Commits an append together with others that it can share with.
    ///
    /// # Errors
    /// `Err` is the append's own; `Ok(None)` means that the batch failed and the append has to be
    /// written alone.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        prepared: Arc<Prepared>,
    ) -> Result<Option<Position>, AppendError> {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.state();
            state.waiting.push_back(Item { prepared, answer });
            if state.waiting.len() == state.wanted {
                self.complete.notify_one();
            }
            if state.committers < self.options.committers {
                state.committers += 1;
                drop(state);
                // A task of its own: a caller that goes away must not take the others' batch
                // with it.
                tokio::spawn(Committer { queue: Arc::clone(self), retired: false }.run());
            }
        }
        match answered.await {
            Ok(Some(answer)) => answer.map(Some),
            Ok(None) => Ok(None),
            Err(_) => Err(sqlx::Error::WorkerCrashed.into()),
        }
    }

    /// How many appends wait for a committer.
    pub(crate) fn len(&self) -> usize {
        self.state().waiting.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counted in [`State::committers`] until it retires, also when it panics.
struct Committer {
    queue: Arc<Queue>,
    retired: bool,
}

impl Drop for Committer {
    fn drop(&mut self) {
        if !self.retired {
            self.queue.state().committers -= 1;
        }
    }
}

impl Committer {
    async fn run(mut self) {
        loop {
            let batch: Vec<Item> = {
                let mut state = self.queue.state();
                let batch = state.take(self.queue.options.max_batch);
                if batch.is_empty() {
                    // Under the same lock as a sender's look at the number of committers.
                    state.committers -= 1;
                    self.retired = true;
                    return;
                }
                batch
            };
            let company = batch.len();
            let begin = Instant::now();
            self.commit(batch).await;
            if company > 1 && begin.elapsed() >= SLOW_COMMIT {
                self.linger(company).await;
            }
        }
    }

    /// Those who were just answered are about to come back, if they come back at all. Without
    /// waiting for them a moment, the first one would start the next commit for itself and make
    /// all others wait for the one after it.
    async fn linger(&self, company: usize) {
        {
            let mut state = self.queue.state();
            state.wanted = (state.waiting.len() + company).min(self.queue.options.max_batch);
            if state.waiting.len() >= state.wanted {
                return;
            }
        }
        drop(timeout(LINGER, self.queue.complete.notified()).await);
        self.queue.state().wanted = 0;
    }

    async fn commit(&self, batch: Vec<Item>) {
        let mut conn = match self.queue.spare.take().await {
            Ok(conn) => conn,
            // Nothing was written: each may try for itself and report its own failure.
            Err(_) => return send_alone(batch),
        };
        let rest = self.queue.options.rest;
        let terms = Terms { rest, bystanders: self.queue.sequencer.bystanders() };
        if let [only] = &batch[..] {
            let answer = write_alone(&mut conn, &only.prepared, terms, End::Commit).await;
            self.put_back(conn, !matches!(answer, Err(AppendError::Store(_))));
            let answer = answer.map(|written| {
                let prepared = vec![Arc::clone(&only.prepared)];
                self.queue.sequencer.appended(written, prepared)
            });
            if let Some(item) = batch.into_iter().next() {
                // Whoever went away needs no answer.
                drop(item.answer.send(Some(answer)));
            }
            return;
        }
        let prepared: Vec<&Prepared> = batch.iter().map(|i| &*i.prepared).collect();
        match write(&mut conn, &prepared, terms).await {
            Ok(written) => {
                self.put_back(conn, true);
                let prepared = batch.iter().map(|i| Arc::clone(&i.prepared)).collect();
                let position = self.queue.sequencer.appended(written, prepared);
                for item in batch {
                    drop(item.answer.send(Some(Ok(position))));
                }
            }
            // What one append did wrong is nothing to its neighbours.
            Err(failure) if failure.rolled_back() => {
                self.put_back(conn, true);
                send_alone(batch);
            }
            Err(failure) => {
                // The connection broke: nobody knows whether the batch was committed.
                let text = failure.to_string();
                for item in batch {
                    let lost = sqlx::Error::Protocol(text.clone());
                    drop(item.answer.send(Some(Err(lost.into()))));
                }
            }
        }
    }

    fn put_back(&self, conn: PgConnection, sound: bool) {
        if sound {
            self.queue.spare.put_back(conn);
        }
    }
}

fn send_alone(batch: Vec<Item>) {
    for item in batch {
        drop(item.answer.send(None));
    }
}
