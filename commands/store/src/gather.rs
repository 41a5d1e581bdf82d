//! Reads of many callers in one statement: whoever asks while a read is under way is served by
//! the next one, together with all others who did. An answer is never older than its question.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::oneshot;

/// Statements that may run at once.
const READERS: usize = 2;
/// Questions that one statement may answer.
const TOGETHER: usize = 64;

/// A read by key.
#[async_trait]
pub(crate) trait Read: Send + Sync + 'static {
    /// What is asked for.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// What is found under it.
    type Value: Clone + Send + Sync + 'static;

    /// Reads several keys, from a snapshot that is taken after the call; a key under which there
    /// is nothing is missing from the answer.
    async fn read(&self, keys: &[Self::Key]) -> Result<Found<Self>, sqlx::Error>;
}

/// What a statement found.
pub(crate) type Found<R> = HashMap<<R as Read>::Key, <R as Read>::Value>;

struct Question<R: Read + ?Sized> {
    keys: Vec<R::Key>,
    /// `None` asks the sender to read for itself.
    answer: oneshot::Sender<Option<Found<R>>>,
}

struct State<R: Read> {
    waiting: Vec<Question<R>>,
    readers: usize,
}

struct Shared<R: Read> {
    read: R,
    state: Mutex<State<R>>,
}

/// Gathers questions. Cheap to clone; clones share their statements.
pub(crate) struct Gather<R: Read>(Arc<Shared<R>>);

impl<R: Read> Clone for Gather<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: Read> Gather<R> {
    pub(crate) fn new(read: R) -> Self {
        let state = Mutex::new(State { waiting: vec![], readers: 0 });
        Self(Arc::new(Shared { read, state }))
    }

    /// What is found under these keys.
    ///
    /// # Errors
    /// Where the database fails.
    pub(crate) async fn get(&self, keys: Vec<R::Key>) -> Result<Found<R>, sqlx::Error> {
        let (answer, answered) = oneshot::channel();
        let start = {
            let mut state = self.0.state();
            state.waiting.push(Question { keys: keys.clone(), answer });
            let start = state.readers < READERS;
            state.readers += usize::from(start);
            start
        };
        if start {
            // A task of its own: a caller that goes away must not take the others' answers along.
            tokio::spawn(Reader { shared: Arc::clone(&self.0), retired: false }.run());
        }
        match answered.await {
            Ok(Some(found)) => Ok(found),
            // Each reports its own failure.
            Ok(None) | Err(_) => self.0.read.read(&keys).await,
        }
    }
}

impl<R: Read> Shared<R> {
    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counted in [`State::readers`] until it retires, also when it panics.
struct Reader<R: Read> {
    shared: Arc<Shared<R>>,
    retired: bool,
}

impl<R: Read> Drop for Reader<R> {
    fn drop(&mut self) {
        if !self.retired {
            self.shared.state().readers -= 1;
        }
    }
}

impl<R: Read> Reader<R> {
    async fn run(mut self) {
        while let Some(questions) = self.next() {
            let keys: HashSet<R::Key> = questions.iter().flat_map(|q| &q.keys).cloned().collect();
            let keys: Vec<R::Key> = keys.into_iter().collect();
            let found = self.shared.read.read(&keys).await.ok();
            for Question { keys, answer } in questions {
                let own = found.as_ref().map(|found| {
                    keys.into_iter()
                        .filter_map(|key| found.get(&key).cloned().map(|value| (key, value)))
                        .collect()
                });
                // Whoever went away needs no answer.
                drop(answer.send(own));
            }
        }
    }

    fn next(&mut self) -> Option<Vec<Question<R>>> {
        let mut state = self.shared.state();
        let n = state.waiting.len().min(TOGETHER);
        if n == 0 {
            // Under the same lock as a caller's look at the number of readers.
            state.readers -= 1;
            drop(state);
            self.retired = true;
            return None;
        }
        Some(state.waiting.drain(..n).collect())
    }
}
