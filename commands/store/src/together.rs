//! Lookups that are asked for at the same time share a statement.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use tokio::sync::oneshot;

/// What is found for keys, by one statement for all of them.
type Lookup<K, V, E> =
    Box<dyn Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, E>> + Send + Sync>;

/// Answers lookups by key. The first one is made at once; those that come while it is on its way
/// wait for it to return and then share the next one. So each is answered from a statement that
/// began after it was asked, and under load there are as few statements as can be.
pub struct Together<K, V, E>(Arc<Shared<K, V, E>>);

struct Shared<K, V, E> {
    lookup: Lookup<K, V, E>,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    waiting: Vec<(K, oneshot::Sender<Answer<V>>)>,
    running: bool,
}

/// What was found, or that the shared statement failed: then each asks alone and reports its own
/// failure.
enum Answer<V> {
    Found(Option<V>),
    AskAlone,
}

impl<K, V, E> Clone for Together<K, V, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V, E> std::fmt::Debug for Together<K, V, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Together(..)")
    }
}

impl<K, V, E> Together<K, V, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
    E: Send + 'static,
{
    /// Lookups that are made so.
    pub fn new<F>(lookup: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
    {
        let lookup: Lookup<K, V, E> = Box::new(move |keys| Box::pin(lookup(keys)));
        let state = Mutex::new(State { waiting: vec![], running: false });
        Self(Arc::new(Shared { lookup, state }))
    }

    /// What there is for a key.
    ///
    /// # Errors
    /// As the lookup's.
    pub async fn get(&self, key: K) -> Result<Option<V>, E> {
        let (answer, answered) = oneshot::channel();
        let begin = {
            let mut state = self.0.state();
            state.waiting.push((key.clone(), answer));
            !std::mem::replace(&mut state.running, true)
        };
        if begin {
            // A task of its own: a caller that goes away must not take the others' lookup along.
            tokio::spawn(Running { shared: Arc::clone(&self.0), ended: false }.run());
        }
        match answered.await {
            Ok(Answer::Found(found)) => Ok(found),
            Ok(Answer::AskAlone) | Err(_) => {
                let mut found = (self.0.lookup)(vec![key.clone()]).await?;
                Ok(found.remove(&key))
            }
        }
    }
}

impl<K, V, E> Shared<K, V, E> {
    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that makes the lookups, one after the other, until nobody waits.
struct Running<K, V, E> {
    shared: Arc<Shared<K, V, E>>,
    ended: bool,
}

impl<K, V, E> Drop for Running<K, V, E> {
    /// After a panic whoever waits is let go, and the next one begins anew.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut state = self.shared.state();
        state.running = false;
        state.waiting.clear();
    }
}

impl<K, V, E> Running<K, V, E>
where
    K: Clone + Eq + Hash,
    V: Clone,
{
    async fn run(mut self) {
        loop {
            let batch = {
                let mut state = self.shared.state();
                if state.waiting.is_empty() {
                    // Under the same lock as a newcomer's look at it.
                    state.running = false;
                    self.ended = true;
                    return;
                }
                std::mem::take(&mut state.waiting)
            };
            let mut keys: Vec<K> = Vec::with_capacity(batch.len());
            for (key, _) in &batch {
                if !keys.contains(key) {
                    keys.push(key.clone());
                }
            }
            let found = (self.shared.lookup)(keys).await;
            for (key, answer) in batch {
                let given = match &found {
                    Ok(found) => Answer::Found(found.get(&key).cloned()),
                    Err(_) => Answer::AskAlone,
                };
                // Whoever went away needs no answer.
                drop(answer.send(given));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    /// Doubles even numbers, knows nothing of odd ones and fails for a batch with a zero.
    struct Book {
        open: Semaphore,
        statements: AtomicUsize,
    }

    impl Book {
        async fn look(&self, keys: Vec<u32>) -> Result<HashMap<u32, u32>, &'static str> {
            self.statements.fetch_add(1, Ordering::SeqCst);
            self.open.acquire().await.map_err(|_| "closed")?.forget();
            if keys.contains(&0) {
                return Err("zero");
            }
            Ok(keys.into_iter().filter(|k| k % 2 == 0).map(|k| (k, k * 2)).collect())
        }
    }

    fn book() -> (Arc<Book>, Together<u32, u32, &'static str>) {
        let book = Arc::new(Book { open: Semaphore::new(0), statements: AtomicUsize::new(0) });
        let read = Arc::clone(&book);
        let together = Together::new(move |keys| {
            let book = Arc::clone(&read);
            async move { book.look(keys).await }
        });
        (book, together)
    }

    #[tokio::test]
    async fn those_who_come_meanwhile_share_the_next_statement() {
        let (book, together) = book();
        let first = tokio::spawn({
            let together = together.clone();
            async move { together.get(2).await }
        });
        while book.statements.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let others = futures::future::join_all([4, 5, 6, 6].map(|k| together.get(k)));
        let others = async {
            book.open.add_permits(2);
            others.await
        };
        let others = others.await;
        assert_eq!(first.await.ok(), Some(Ok(Some(4))));
        assert_eq!(others, [Ok(Some(8)), Ok(None), Ok(Some(12)), Ok(Some(12))]);
        // The permits may let the first statement end before the others have asked: one more.
        assert!(book.statements.load(Ordering::SeqCst) <= 3);
    }

    #[tokio::test]
    async fn a_failure_is_everybodys_own() {
        let (book, together) = book();
        book.open.add_permits(100);
        let answers = futures::future::join_all([2, 0, 4].map(|k| together.get(k))).await;
        assert_eq!(answers, [Ok(Some(4)), Err("zero"), Ok(Some(8))]);
    }

    #[tokio::test]
    async fn whoever_goes_away_takes_nobody_along() {
        let (book, together) = book();
        let gone = tokio::spawn({
            let together = together.clone();
            async move { together.get(2).await }
        });
        while book.statements.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        gone.abort();
        book.open.add_permits(2);
        assert_eq!(together.get(4).await, Ok(Some(8)));
    }
}
