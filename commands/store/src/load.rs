//! Loading aggregates: from their events, or from those that came since the last time.

use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nexavpn_domain::{
    Decider,
    event::{FIRST_VERSION, personal_fields},
};
use serde_json::Value;
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Direct, Keyring, Loaded, StoreError, Together,
    sealing::{Place, Sealed, open_all},
};

/// So many states are kept; one that is not is loaded whole the next time.
const MOST: usize = 1024;

/// An aggregate, by type and id.
type Key = (&'static str, Uuid);

/// Which event it is, in this database: another one that is restored in its place may give the same
/// sequence to another event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    sequence: i64,
    generation: i16,
    tx: i64,
    pos: i64,
}

/// An event as it is stored.
#[derive(Clone)]
struct Stored {
    mark: Mark,
    event_type: String,
    event_version: String,
    payload: Value,
}

/// A state, and the last event in it.
#[derive(Clone)]
struct Kept {
    last: Mark,
    state: Arc<dyn Any + Send + Sync>,
}

/// Events of aggregates from a sequence on.
type Histories = Together<(Key, i64), Arc<Vec<Stored>>, sqlx::Error>;

/// Loads aggregates. States that hold nothing personal are kept, so that a long history is not read
/// for each command; personal ones are not, since a key that is destroyed has to take them along.
pub(crate) struct Loader {
    keyring: Keyring,
    histories: Histories,
    kept: Mutex<HashMap<Key, Kept>>,
}

impl Loader {
    pub(crate) fn new(keyring: &Keyring) -> Self {
        let histories = histories(keyring.direct().clone());
        Self { keyring: keyring.clone(), histories, kept: Mutex::default() }
    }

    pub(crate) async fn load<A: Decider>(&self, id: Uuid) -> Result<Loaded<A>, StoreError> {
        let key = (A::TYPE, id);
        let kept = self.kept().get(&key).cloned();
        if let Some(Kept { last, state }) = kept
            && let Ok(state) = state.downcast::<A>()
        {
            let since = self.since(key, last.sequence).await?;
            if let [same, newer @ ..] = &since[..]
                && same.mark == last
            {
                return self.fold(key, A::clone(&state), last, newer.to_vec()).await;
            }
            self.kept().remove(&key);
        }
        let events = self.since(key, 1).await?;
        let nothing = Mark { sequence: 0, generation: 0, tx: 0, pos: 0 };
        self.fold(key, A::default(), nothing, events.to_vec()).await
    }

    async fn since(&self, key: Key, sequence: i64) -> Result<Arc<Vec<Stored>>, sqlx::Error> {
        Ok(self.histories.get((key, sequence)).await?.unwrap_or_default())
    }

    /// The state after these events, which follow `last`.
    async fn fold<A: Decider>(
        &self,
        key: Key,
        mut state: A,
        mut last: Mark,
        mut events: Vec<Stored>,
    ) -> Result<Loaded<A>, StoreError> {
        let any = !events.is_empty();
        let personal = events.iter().any(|event| !personal_fields(&event.event_type).is_empty());
        open(key, &mut events, &self.keyring).await?;
        for event in events {
            let payload = serde_json::from_value(event.payload)
                // serde repeats values in its messages, and they may be personal.
                .map_err(|_| StoreError::Unreadable(format!("of {} {}", key.0, key.1)))?;
            state.apply(payload);
            last = event.mark;
        }
        if personal {
            self.kept().remove(&key);
        } else if any {
            self.keep(key, Kept { last, state: Arc::new(state.clone()) });
        }
        Ok(Loaded { state, sequence: u64::try_from(last.sequence).unwrap_or(0) })
    }

    fn keep(&self, key: Key, state: Kept) {
        let mut kept = self.kept();
        if kept.len() >= MOST && !kept.contains_key(&key) {
            kept.clear();
        }
        kept.insert(key, state);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        // A panic elsewhere leaves the map usable.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens what is sealed in the payloads. No decision depends on who did something from where, so that
/// metadata stays closed, which would take the keys of whoever did.
async fn open(key: Key, events: &mut [Stored], keyring: &Keyring) -> Result<(), StoreError> {
    let (aggregate_type, id) = key;
    let id = id.to_string();
    let unreadable = |event: &Stored, reason: &str| {
        let (of, sequence) = (&event.event_type, event.mark.sequence);
        StoreError::Unreadable(format!("{of} {sequence} of {id}: {reason}"))
    };
    if let Some(event) = events.iter().find(|event| event.event_version != FIRST_VERSION) {
        return Err(unreadable(event, &format!("version {}", event.event_version)));
    }
    let mut none = vec![HashMap::new(); events.len()];
    let mut sealed: Vec<Sealed<'_>> = events
        .iter_mut()
        .zip(&mut none)
        .map(|(event, metadata)| Sealed {
            place: Place { aggregate_type, aggregate_id: &id, sequence: event.mark.sequence },
            event_type: &event.event_type,
            payload: &mut event.payload,
            metadata,
        })
        .collect();
    let opened = open_all(keyring, &mut sealed).await?;
    drop(sealed);
    for (event, opened) in events.iter().zip(opened) {
        opened.map_err(|reason| unreadable(event, &reason))?;
    }
    Ok(())
}

/// Reads the events of aggregates that are loaded at the same time by one statement.
fn histories(db: Direct) -> Histories {
    Together::new(move |keys: Vec<(Key, i64)>| {
        let db = db.clone();
        async move {
            let rows = sqlx::query(
                "SELECT k.n, e.sequence, e.gen, e.tx, e.pos, e.event_type, e.event_version, e.payload
                 FROM unnest($1::text[], $2::text[], $3::bigint[])
                      WITH ORDINALITY AS k (type, id, since, n)
                 CROSS JOIN LATERAL (
                     SELECT * FROM events e
                     WHERE e.aggregate_type = k.type AND e.aggregate_id = k.id
                       AND e.sequence >= k.since
                     ORDER BY e.sequence) e
                 ORDER BY k.n, e.sequence",
            )
            .bind(keys.iter().map(|((of, _), _)| *of).collect::<Vec<_>>())
            .bind(keys.iter().map(|((_, id), _)| id.to_string()).collect::<Vec<_>>())
            .bind(keys.iter().map(|(_, since)| *since).collect::<Vec<_>>())
            .fetch_all(&db)
            .await?;
            let mut found: Vec<Vec<Stored>> = vec![vec![]; keys.len()];
            for row in &rows {
                let n = usize::try_from(row.try_get::<i64, _>("n")? - 1).unwrap_or(usize::MAX);
                let stored = Stored::from_row(row)?;
                found.get_mut(n).ok_or(sqlx::Error::RowNotFound)?.push(stored);
            }
            Ok(keys.into_iter().zip(found.into_iter().map(Arc::new)).collect())
        }
    })
}

impl Stored {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            mark: Mark {
                sequence: row.try_get("sequence")?,
                generation: row.try_get("gen")?,
                tx: row.try_get("tx")?,
                pos: row.try_get("pos")?,
            },
            event_type: row.try_get("event_type")?,
            event_version: row.try_get("event_version")?,
            payload: row.try_get("payload")?,
        })
    }
}
