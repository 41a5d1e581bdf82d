//! The newest events, read and opened once for all who follow the log in this process.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Position, Recorded};

/// More than this many events are not kept: whoever is that far behind reads alone.
const LONGEST: usize = 512;

/// The newest events, without a gap.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    kept: Mutex<VecDeque<Recorded>>,
    reading: tokio::sync::Mutex<()>,
}

impl Tail {
    /// The events after number `after`, as far as they are kept, or as `read` gives them.
    /// Whoever comes meanwhile waits: the same events are about to be there.
    pub(crate) async fn events<E>(
        &self,
        after: i64,
        limit: usize,
        read: impl Future<Output = Result<Vec<Recorded>, E>>,
    ) -> Result<Vec<Recorded>, E> {
        if let Some(events) = self.kept_after(after, limit) {
            return Ok(events);
        }
        let _reading = self.reading.lock().await;
        if let Some(events) = self.kept_after(after, limit) {
            return Ok(events);
        }
        let events = read.await?;
        if events.len() <= LONGEST / 2 {
            self.offer(events.clone());
        }
        Ok(events)
    }

    /// The events of an aggregate that a transaction appended, as far as they are kept.
    pub(crate) fn appended(
        &self,
        position: Position,
        aggregate_type: &str,
        aggregate_id: &str,
    ) -> Vec<Recorded> {
        let kept = self.kept();
        let at = |event: &Recorded| Position { generation: event.generation, tx: event.tx };
        let newer = kept.iter().rev().skip_while(|event| at(event) > position);
        let of_it = newer.take_while(|event| at(event) == position).filter(|event| {
            event.aggregate_id == aggregate_id && event.aggregate_type == aggregate_type
        });
        let mut events: Vec<Recorded> = of_it.cloned().collect();
        events.reverse();
        events
    }

    /// Keeps events that follow each other, if they are newer than what is kept.
    pub(crate) fn offer(&self, events: Vec<Recorded>) {
        let mut kept = self.kept();
        for event in events {
            match kept.back().map(|last| last.idx) {
                Some(last) if event.idx <= last => continue,
                Some(last) if event.idx > last + 1 => kept.clear(),
                _ => {}
            }
            if kept.len() == LONGEST {
                kept.pop_front();
            }
            kept.push_back(event);
        }
    }

    /// Forgets what comes after number `last`: the log ends there, as the database knows it. It
    /// may be another log than before, restored.
    pub(crate) fn ends_at(&self, last: i64) {
        let mut kept = self.kept();
        while kept.back().is_some_and(|event| event.idx > last) {
            kept.pop_back();
        }
    }

    fn kept_after(&self, after: i64, limit: usize) -> Option<Vec<Recorded>> {
        let kept = self.kept();
        let skipped = usize::try_from(after + 1 - kept.front()?.idx).ok()?;
        let events: Vec<Recorded> = kept.iter().skip(skipped).take(limit).cloned().collect();
        (!events.is_empty()).then_some(events)
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Recorded>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
            origin: None,
        }
    }

    async fn ask(tail: &Tail, after: i64, limit: usize, read: &[i64]) -> Vec<i64> {
        let read = read.iter().map(|idx| event(*idx)).collect();
        let events = tail.events(after, limit, async { Ok::<_, Infallible>(read) }).await;
        events.unwrap_or_default().iter().map(|e| e.idx).collect()
    }

    #[tokio::test]
    async fn only_what_is_kept_and_asked_for_comes_from_memory() {
        let tail = Tail::default();
        assert_eq!(ask(&tail, 4, 9, &[5, 6, 7]).await, [5, 6, 7]);
        assert_eq!(ask(&tail, 4, 9, &[]).await, [5, 6, 7]);
        assert_eq!(ask(&tail, 5, 1, &[]).await, [6]);
        // Neither what comes after nor what came before.
        assert_eq!(ask(&tail, 7, 9, &[8]).await, [8]);
        assert_eq!(ask(&tail, 3, 9, &[4, 5, 6, 7, 8]).await, [4, 5, 6, 7, 8]);
        assert_eq!(ask(&tail, 4, 9, &[]).await, [5, 6, 7, 8]);
        // The end of the log is not remembered: more may come.
        assert_eq!(ask(&tail, 8, 9, &[]).await, Vec::<i64>::new());
        assert_eq!(ask(&tail, 8, 9, &[9]).await, [9]);
    }

    #[test]
    fn what_a_transaction_appended_to_an_aggregate_is_found() {
        let tail = Tail::default();
        let other = |idx| Recorded { aggregate_id: "other".into(), ..event(idx) };
        let of_five = |event| Recorded { tx: 5, ..event };
        let all = [event(4), event(5), other(6), event(7), event(8)];
        let mut all = all.map(|event| if event.idx == 8 { event } else { of_five(event) });
        all[0].tx = 4;
        tail.offer(all.into());
        let found = |tx| {
            let events = tail.appended(Position { generation: 1, tx }, "user", "u");
            events.iter().map(|event| event.idx).collect::<Vec<_>>()
        };
        assert_eq!(found(5), [5, 7]);
        assert_eq!(found(8), [8]);
        assert_eq!(found(6), Vec::<i64>::new());
    }

    #[tokio::test]
    async fn what_is_kept_has_no_gap() {
        let tail = Tail::default();
        tail.offer(vec![event(5), event(6)]);
        tail.offer(vec![event(6), event(7)]);
        assert_eq!(ask(&tail, 4, 9, &[]).await, [5, 6, 7]);
        tail.offer(vec![event(9)]);
        assert_eq!(ask(&tail, 6, 9, &[7, 8]).await, [7, 8]);
        assert_eq!(ask(&tail, 8, 9, &[]).await, [9]);
    }

    #[tokio::test]
    async fn what_the_log_has_lost_is_forgotten() {
        let tail = Tail::default();
        tail.offer(vec![event(5), event(6), event(7)]);
        tail.ends_at(5);
        assert_eq!(ask(&tail, 4, 9, &[]).await, [5]);
        assert_eq!(ask(&tail, 5, 9, &[6]).await, [6]);
    }
}
