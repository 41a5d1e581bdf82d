//! The newest events, read and opened once for all who follow the log in this process.

use tokio::sync::Mutex;

use crate::Recorded;

/// More than this many events are not kept: whoever is that far behind reads alone.
const LONGEST: usize = 256;

/// The batch that was read last.
#[derive(Debug, Default)]
pub(crate) struct Tail(Mutex<Option<Batch>>);

#[derive(Debug)]
struct Batch {
    /// The number before the first.
    after: i64,
    events: Vec<Recorded>,
}

impl Batch {
    fn events(&self, after: i64, limit: usize) -> Option<Vec<Recorded>> {
        let skipped = usize::try_from(after - self.after).ok()?;
        let events = self.events.get(skipped..).filter(|events| !events.is_empty())?;
        Some(events.iter().take(limit).cloned().collect())
    }
}

impl Tail {
    /// The events after number `after`, as somebody read them just now, or as `read` gives them.
    /// Whoever comes meanwhile waits: the same events are about to be there.
    pub(crate) async fn events<E>(
        &self,
        after: i64,
        limit: usize,
        read: impl Future<Output = Result<Vec<Recorded>, E>>,
    ) -> Result<Vec<Recorded>, E> {
        let mut kept = self.0.lock().await;
        if let Some(events) = kept.as_ref().and_then(|batch| batch.events(after, limit)) {
            return Ok(events);
        }
        let events = read.await?;
        let short = !events.is_empty() && events.len() <= LONGEST;
        *kept = short.then(|| Batch { after, events: events.clone() });
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, convert::Infallible};

    use chrono::DateTime;
    use nexavpn_domain::UnknownEvent;
    use serde_json::Value;

    use super::*;

    fn event(idx: i64) -> Recorded {
        let unknown = UnknownEvent {
            aggregate_type: "user".into(),
            aggregate_id: "u".into(),
            reason: "made up".into(),
        };
        Recorded {
            idx,
            generation: 1,
            tx: idx,
            pos: idx,
            aggregate_type: "user".into(),
            aggregate_id: "u".into(),
            sequence: idx,
            event_type: "user.enabled".into(),
            event_version: "1".into(),
            recorded_at: DateTime::UNIX_EPOCH,
            effective_time: DateTime::UNIX_EPOCH,
            metadata: HashMap::new(),
            payload: Value::Null,
            event: Err(unknown),
        }
    }

    async fn ask(tail: &Tail, after: i64, limit: usize, read: &[i64]) -> Vec<i64> {
        let read = read.iter().map(|idx| event(*idx)).collect();
        let events = tail.events(after, limit, async { Ok::<_, Infallible>(read) }).await;
        events.unwrap_or_default().iter().map(|e| e.idx).collect()
    }

    #[tokio::test]
    async fn only_what_was_read_and_is_asked_for_comes_from_memory() {
        let tail = Tail::default();
        assert_eq!(ask(&tail, 4, 9, &[5, 6, 7]).await, [5, 6, 7]);
        assert_eq!(ask(&tail, 4, 9, &[]).await, [5, 6, 7]);
        assert_eq!(ask(&tail, 5, 1, &[]).await, [6]);
        // Neither what comes after nor what came before.
        assert_eq!(ask(&tail, 7, 9, &[8]).await, [8]);
        assert_eq!(ask(&tail, 4, 9, &[5, 6, 7, 8]).await, [5, 6, 7, 8]);
        // The end of the log is not remembered: more may come.
        assert_eq!(ask(&tail, 8, 9, &[]).await, Vec::<i64>::new());
        assert_eq!(ask(&tail, 8, 9, &[9]).await, [9]);
    }
}
