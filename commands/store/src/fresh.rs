//! What this process has just committed, so that it need not be read back once it has its number.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use nexavpn_domain::{UnknownEvent, ids::UserId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{
    Position, Recorded,
    append::{Prepared, PreparedRow},
    keyring::DataKeys,
    log::open_with,
};

/// How many transactions wait for their numbers at most. More are read back.
const CAPACITY: usize = 256;

/// Transactions that this process committed and whose events have no number yet, as far as we
/// know.
#[derive(Default)]
pub(crate) struct Fresh(Mutex<VecDeque<Committed>>);

struct Committed {
    position: Position,
    appends: Vec<Arc<Prepared>>,
}

/// What the sequencer says of an event.
pub(crate) struct Numbered {
    idx: i64,
    position: Position,
    pos: i64,
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    recorded_at: DateTime<Utc>,
    effective_time: DateTime<Utc>,
}

impl Numbered {
    pub(crate) fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            idx: row.try_get("event_idx")?,
            position: Position {
                generation: row.try_get("event_gen")?,
                tx: row.try_get("event_tx")?,
            },
            pos: row.try_get("event_pos")?,
            aggregate_type: row.try_get("aggregate_type")?,
            aggregate_id: row.try_get("aggregate_id")?,
            sequence: row.try_get("sequence")?,
            recorded_at: row.try_get("recorded_at")?,
            effective_time: row.try_get("effective_time")?,
        })
    }

    fn recorded(&self, row: &PreparedRow) -> Option<Recorded> {
        Some(Recorded {
            idx: self.idx,
            generation: self.position.generation,
            tx: self.position.tx,
            pos: self.pos,
            aggregate_type: self.aggregate_type.clone(),
            aggregate_id: self.aggregate_id.clone(),
            sequence: self.sequence,
            event_type: row.event_type.clone(),
            event_version: row.event_version.clone(),
            recorded_at: self.recorded_at,
            effective_time: self.effective_time,
            metadata: serde_json::from_str(&row.metadata).ok()?,
            payload: serde_json::from_str(&row.payload).ok()?,
            event: Err(UnknownEvent {
                aggregate_type: self.aggregate_type.clone(),
                aggregate_id: self.aggregate_id.clone(),
                reason: "not opened".into(),
            }),
            origin: None,
        })
    }
}

impl Fresh {
    /// Committed, and about to be numbered.
    pub(crate) fn put(&self, position: Position, appends: Vec<Arc<Prepared>>) {
        let mut fresh = self.committed();
        if fresh.len() == CAPACITY {
            fresh.pop_front();
        }
        fresh.push_back(Committed { position, appends });
    }

    /// Whose keys the next events were sealed with.
    pub(crate) fn owners(&self) -> Vec<UserId> {
        let fresh = self.committed();
        let keys = fresh.iter().flat_map(|c| &c.appends).flat_map(|p| p.keys.keys().copied());
        let owners: HashSet<UserId> = keys.collect();
        owners.into_iter().collect()
    }

    /// The events that were just numbered, if all of them are ours. They are opened with the keys
    /// of those in `alive`, who had theirs when the events were numbered: as if read from the
    /// database, which has nothing of whoever was erased meanwhile. What was sealed for anybody
    /// besides `asked` has to be read.
    pub(crate) fn events(
        &self,
        numbered: &[Numbered],
        asked: &HashSet<UserId>,
        alive: &HashSet<UserId>,
    ) -> Option<Vec<Recorded>> {
        let last = numbered.last()?.position;
        let appends: HashMap<Position, Vec<Arc<Prepared>>> = {
            let mut fresh = self.committed();
            let (taken, left) =
                std::mem::take(&mut *fresh).into_iter().partition(|c| c.position <= last);
            *fresh = left;
            let taken: VecDeque<Committed> = taken;
            taken.into_iter().map(|c| (c.position, c.appends)).collect()
        };
        let mut rows = HashMap::new();
        let mut keys = DataKeys::new();
        for (position, appends) in &appends {
            for prepared in appends {
                for (owner, key) in &prepared.keys {
                    if !asked.contains(owner) {
                        return None;
                    }
                    if alive.contains(owner) {
                        keys.insert(*owner, key.clone());
                    }
                }
                for row in &prepared.rows {
                    let of = (row.aggregate_type, row.aggregate_id.as_str(), row.sequence);
                    rows.insert((*position, of), row);
                }
            }
        }
        let recorded = numbered.iter().map(|n| {
            let of = (n.aggregate_type.as_str(), n.aggregate_id.as_str(), n.sequence);
            n.recorded(rows.get(&(n.position, of))?)
        });
        let mut events: Vec<Recorded> = recorded.collect::<Option<_>>()?;
        open_with(&keys, &mut events);
        Some(events)
    }

    /// Lets go of what is before a position.
    pub(crate) fn forget_before(&self, position: Position) {
        self.committed().retain(|c| c.position >= position);
    }

    /// Lets go of what another process has numbered: its rows and keys are of no use any more.
    pub(crate) fn forget_up_to(&self, position: Position) {
        self.committed().retain(|c| c.position > position);
    }

    fn committed(&self) -> MutexGuard<'_, VecDeque<Committed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
