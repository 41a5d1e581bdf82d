//! Reading all events in their total order.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use nexavpn_domain::{Decider, Event, UnknownEvent, event::FIRST_VERSION};
use serde_json::Value;
use sqlx::{PgPool, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Bystanders, EventId, Keyring, Position, StoreError,
    keyring::DataKeys,
    sealing::{Place, Sealed, keys_of},
    tail::Tail,
};

/// Where the log ends, as far as it has been put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// The number of the last event; 0 before the first.
    pub idx: i64,
    /// Its generation.
    pub generation: i16,
    /// Its transaction.
    pub tx: i64,
    /// Its position.
    pub pos: i64,
}

impl Head {
    /// The transaction of the last event.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { generation: self.generation, tx: self.tx }
    }

    pub(crate) fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            idx: row.try_get("idx")?,
            generation: row.try_get("gen")?,
            tx: row.try_get("tx")?,
            pos: row.try_get("pos")?,
        })
    }

    pub(crate) async fn read(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let row = sqlx::query("SELECT idx, gen, tx, pos FROM log_head").fetch_one(pool).await?;
        Self::from_row(&row)
    }
}

/// An event of the log.
#[derive(Clone)]
pub struct Recorded {
    /// Its number: dense, from 1.
    pub idx: i64,
    /// Its generation.
    pub generation: i16,
    /// Its transaction.
    pub tx: i64,
    /// Its position among those of its transaction.
    pub pos: i64,
    /// `user`, `device`, …
    pub aggregate_type: String,
    /// Whose event it is.
    pub aggregate_id: String,
    /// Its number among those of its aggregate, from 1.
    pub sequence: i64,
    /// Its wire name.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// When the database took it down.
    pub recorded_at: DateTime<Utc>,
    /// When it takes effect: the largest `recorded_at` up to here.
    pub effective_time: DateTime<Utc>,
    /// Opened; what was erased is missing.
    pub metadata: HashMap<String, String>,
    /// Opened; what was erased is null.
    pub payload: Value,
    /// The event, unless this version does not know it.
    pub event: Result<Event, UnknownEvent>,
    /// The keyed hash of where the request came from, unless that was erased: equal addresses have
    /// equal ones. See [`Log::origin`].
    pub origin: Option<String>,
}

impl Recorded {
    /// Which one it is, as those that it causes name it.
    #[must_use]
    pub fn id(&self) -> EventId {
        EventId {
            aggregate_type: self.aggregate_type.clone(),
            aggregate_id: self.aggregate_id.clone(),
            sequence: self.sequence.cast_unsigned(),
        }
    }
}

/// Without payload and metadata, which may be personal.
impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorded")
            .field("idx", &self.idx)
            .field("event_type", &self.event_type)
            .field("aggregate_id", &self.aggregate_id)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// Numbered events, by the alias `i` of their numbers. Text for `concat!`.
macro_rules! numbered {
    () => {
        "SELECT i.idx, i.gen, i.tx, i.pos, i.effective_time, e.aggregate_type, e.aggregate_id,
                e.sequence, e.event_type, e.event_version, e.recorded_at, e.metadata, e.payload
         FROM log_index i CROSS JOIN LATERAL (
             -- OFFSET keeps the planner from joining by reading the whole table.
             SELECT * FROM events e WHERE (e.gen, e.tx, e.pos) = (i.gen, i.tx, i.pos) OFFSET 0
         ) e "
    };
}

/// Reads the log.
#[derive(Debug, Clone)]
pub struct Log {
    pool: PgPool,
    keyring: Keyring,
    tail: Arc<Tail>,
    bystanders: Bystanders,
}

impl Log {
    pub(crate) fn new(pool: PgPool, keyring: Keyring) -> Self {
        Self { pool, keyring, tail: Arc::default(), bystanders: Bystanders::default() }
    }

    pub(crate) fn tail(&self) -> Arc<Tail> {
        Arc::clone(&self.tail)
    }

    /// Where those who fold the log tell of their transactions.
    #[must_use]
    pub fn bystanders(&self) -> Bystanders {
        self.bystanders.clone()
    }

    /// The same as [`read`](Self::read) for those who follow the log's end: they are all after the
    /// same events at the same time, which are read and opened once.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn follow(&self, after: i64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let mut events = self.tail.events(after, limit, self.read(after, limit)).await?;
        self.mark(&mut events);
        Ok(events)
    }

    /// The events of an aggregate that this transaction appended, in order, as far as they have
    /// their numbers and this process still has them at hand: those of long ago are missing.
    #[must_use]
    pub fn just_appended(
        &self,
        position: Position,
        aggregate_type: &str,
        id: Uuid,
    ) -> Vec<Recorded> {
        let mut events = self.tail.appended(position, aggregate_type, &id.to_string());
        self.mark(&mut events);
        events
    }

    /// At most `limit` events after number `after`, in order.
    ///
    /// # Errors
    /// Where the database fails or keys are damaged. An event that this version does not know is
    /// no error here but in [`Recorded::event`].
    pub async fn read(&self, after: i64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let rows =
            sqlx::query(concat!(numbered!(), "WHERE i.idx > $1 AND i.idx <= $2 ORDER BY i.idx"))
                .bind(after)
                // Numbers are dense.
                .bind(after.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX)))
                .fetch_all(&self.pool)
                .await?;
        self.opened(&rows).await
    }

    /// The events of these numbers, in order; numbers that are not given yet are left out.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn pick(&self, numbers: &[i64]) -> Result<Vec<Recorded>, StoreError> {
        if numbers.is_empty() {
            return Ok(vec![]);
        }
        let rows = sqlx::query(concat!(numbered!(), "WHERE i.idx = ANY ($1) ORDER BY i.idx"))
            .bind(numbers)
            .fetch_all(&self.pool)
            .await?;
        self.opened(&rows).await
    }

    /// The numbers of these events; those that are not put in order yet are left out.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn numbers(&self, ids: &[EventId]) -> Result<HashMap<EventId, i64>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
            "SELECT e.aggregate_type, e.aggregate_id, e.sequence, i.idx
             FROM unnest($1::text[], $2::text[], $3::bigint[]) w (type, id, sequence)
             JOIN events e ON (e.aggregate_type, e.aggregate_id, e.sequence)
                            = (w.type, w.id, w.sequence)
             JOIN log_index i ON (i.gen, i.tx, i.pos) = (e.gen, e.tx, e.pos)",
        )
        .bind(ids.iter().map(|id| id.aggregate_type.as_str()).collect::<Vec<_>>())
        .bind(ids.iter().map(|id| id.aggregate_id.as_str()).collect::<Vec<_>>())
        .bind(ids.iter().map(|id| id.sequence.cast_signed()).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        let id = |aggregate_type, aggregate_id, sequence: i64| EventId {
            aggregate_type,
            aggregate_id,
            sequence: sequence.cast_unsigned(),
        };
        Ok(rows.into_iter().map(|(t, a, sequence, idx)| (id(t, a, sequence), idx)).collect())
    }

    /// The events of these aggregates up to number `up_to`, each aggregate's in order.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn streams(
        &self,
        aggregate_type: &str,
        ids: &[Uuid],
        up_to: i64,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.streams_of(aggregate_type, ids, up_to, &[]).await
    }

    /// What an aggregate was after event `up_to`; the default where it had no events.
    ///
    /// # Errors
    /// As [`read`](Self::read); `Unreadable` for an event that this version does not know.
    pub async fn state_at<A: Decider>(&self, id: Uuid, up_to: i64) -> Result<A, StoreError> {
        let mut state = A::default();
        for event in self.streams(A::TYPE, &[id], up_to).await? {
            let Recorded { idx, event_type, event, payload, .. } = event;
            // The event says whether this version knows it, the payload is typed more easily.
            let known = event.map_err(|e| e.to_string()).and_then(|_| {
                serde_json::from_value(payload).map_err(|e| format!("{:?}", e.classify()))
            });
            let unreadable =
                |reason| StoreError::Unreadable(format!("event {idx}, {event_type}: {reason}"));
            state.apply(known.map_err(unreadable)?);
        }
        Ok(state)
    }

    /// The same, of some types of events only; of all where none is named.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn streams_of(
        &self,
        aggregate_type: &str,
        ids: &[Uuid],
        up_to: i64,
        event_types: &[&str],
    ) -> Result<Vec<Recorded>, StoreError> {
        let rows = sqlx::query(
            "SELECT i.idx, e.gen, e.tx, e.pos, i.effective_time, e.aggregate_type,
                    e.aggregate_id, e.sequence, e.event_type, e.event_version, e.recorded_at,
                    e.metadata, e.payload
             FROM events e CROSS JOIN LATERAL (
                 SELECT * FROM log_index i WHERE (i.gen, i.tx, i.pos) = (e.gen, e.tx, e.pos)
                 OFFSET 0
             ) i
             WHERE e.aggregate_type = $1 AND e.aggregate_id = ANY ($2) AND i.idx <= $3
               AND (cardinality($4::text[]) = 0 OR e.event_type = ANY ($4))
             ORDER BY e.aggregate_id, e.sequence",
        )
        .bind(aggregate_type)
        .bind(ids.iter().map(Uuid::to_string).collect::<Vec<_>>())
        .bind(up_to)
        .bind(event_types)
        .fetch_all(&self.pool)
        .await?;
        self.opened(&rows).await
    }

    async fn opened(&self, rows: &[PgRow]) -> Result<Vec<Recorded>, StoreError> {
        let mut events = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
        open_events(&self.keyring, &mut events).await?;
        self.mark(&mut events);
        Ok(events)
    }

    /// What [`Recorded::origin`] is for an address.
    #[must_use]
    pub fn origin(&self, address: &str) -> String {
        self.keyring.lookup_hmac("client_address", address)
    }

    fn mark(&self, events: &mut [Recorded]) {
        for event in events.iter_mut().filter(|e| e.origin.is_none()) {
            event.origin = event.metadata.get("client_address").map(|a| self.origin(a));
        }
    }

    /// The first event of each of these aggregates, in no order; not numbered, so that it is there
    /// as soon as it is committed.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn firsts(
        &self,
        aggregate_type: &str,
        ids: &[Uuid],
    ) -> Result<Vec<Recorded>, StoreError> {
        let rows = sqlx::query(
            "SELECT 0::bigint AS idx, gen, tx, pos, recorded_at AS effective_time, aggregate_type,
                    aggregate_id, sequence, event_type, event_version, recorded_at, metadata,
                    payload
             FROM events
             WHERE aggregate_type = $1 AND aggregate_id = ANY ($2) AND sequence = 1",
        )
        .bind(aggregate_type)
        .bind(ids.iter().map(Uuid::to_string).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        self.opened(&rows).await
    }

    /// The number, in its stream, and the effective time of the newest event of each of these
    /// aggregates up to number `up_to`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn newest_of(
        &self,
        aggregate_type: &str,
        ids: &[Uuid],
        up_to: i64,
    ) -> Result<HashMap<Uuid, (i64, DateTime<Utc>)>, StoreError> {
        let rows: Vec<(Uuid, i64, DateTime<Utc>)> = sqlx::query_as(
            "SELECT asked.id, newest.sequence, newest.effective_time
             FROM unnest($2::uuid[]) asked (id) CROSS JOIN LATERAL (
                 SELECT e.sequence, i.effective_time
                 FROM events e CROSS JOIN LATERAL (
                     SELECT * FROM log_index i WHERE (i.gen, i.tx, i.pos) = (e.gen, e.tx, e.pos)
                     OFFSET 0
                 ) i
                 WHERE e.aggregate_type = $1 AND e.aggregate_id = asked.id::text AND i.idx <= $3
                 ORDER BY e.sequence DESC LIMIT 1
             ) newest",
        )
        .bind(aggregate_type)
        .bind(ids)
        .bind(up_to)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|(id, sequence, time)| (id, (sequence, time))).collect())
    }

    /// The number of the last event in effect at `time`: the log up to it is what was true then.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn idx_at(&self, time: DateTime<Utc>) -> Result<i64, StoreError> {
        // Effective times rise with the numbers, so halving needs no index on them.
        Ok(sqlx::query_scalar(
            "WITH RECURSIVE halving (low, high) AS (
                 SELECT 0::bigint, idx + 1 FROM log_head
                 UNION ALL
                 SELECT CASE WHEN i.effective_time <= $1 THEN i.idx ELSE low END,
                        CASE WHEN i.effective_time <= $1 THEN high ELSE i.idx END
                 FROM halving JOIN log_index i ON i.idx = (low + high) / 2
                 WHERE high - low > 1
             )
             SELECT max(low) FROM halving",
        )
        .bind(time)
        .fetch_one(&self.pool)
        .await?)
    }

    /// When an event took effect; none where there is no such event.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn time_of(&self, idx: i64) -> Result<Option<DateTime<Utc>>, StoreError> {
        let sql = "SELECT effective_time FROM log_index WHERE idx = $1";
        Ok(sqlx::query_scalar(sql).bind(idx).fetch_optional(&self.pool).await?)
    }

    /// The generation of an event; 0 where there is no such event.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn generation_of(&self, idx: i64) -> Result<i16, StoreError> {
        let sql = "SELECT gen FROM log_index WHERE idx = $1";
        let found = sqlx::query_scalar(sql).bind(idx).fetch_optional(&self.pool).await?;
        Ok(found.unwrap_or(0))
    }

    /// Where the log ends.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn head(&self) -> Result<Head, StoreError> {
        Ok(Head::read(&self.pool).await?)
    }
}

pub(crate) fn from_row(row: &PgRow) -> Result<Recorded, StoreError> {
    let idx: i64 = row.try_get("idx")?;
    let metadata = serde_json::from_value(row.try_get("metadata")?)
        .map_err(|_| StoreError::Unreadable(format!("the metadata of event {idx}")))?;
    Ok(from_row_with(row, metadata, row.try_get("payload")?)?)
}

/// The same where payload or metadata are what no event of ours has: without them.
pub(crate) fn from_damaged_row(row: &PgRow) -> Result<Recorded, sqlx::Error> {
    from_row_with(row, HashMap::new(), Value::Null)
}

fn from_row_with(
    row: &PgRow,
    metadata: HashMap<String, String>,
    payload: Value,
) -> Result<Recorded, sqlx::Error> {
    let aggregate_type: String = row.try_get("aggregate_type")?;
    let aggregate_id: String = row.try_get("aggregate_id")?;
    let unread = UnknownEvent {
        aggregate_type: aggregate_type.clone(),
        aggregate_id: aggregate_id.clone(),
        reason: "not opened".into(),
    };
    Ok(Recorded {
        idx: row.try_get("idx")?,
        generation: row.try_get("gen")?,
        tx: row.try_get("tx")?,
        pos: row.try_get("pos")?,
        sequence: row.try_get("sequence")?,
        event_type: row.try_get("event_type")?,
        event_version: row.try_get("event_version")?,
        recorded_at: row.try_get("recorded_at")?,
        effective_time: row.try_get("effective_time")?,
        payload,
        event: Err(unread),
        origin: None,
        metadata,
        aggregate_type,
        aggregate_id,
    })
}

/// Opens what is sealed and decodes the events.
pub(crate) async fn open_events(
    keyring: &Keyring,
    events: &mut [Recorded],
) -> Result<(), StoreError> {
    let batch: Vec<Sealed<'_>> = events.iter_mut().map(sealed).collect();
    let keys = keys_of(keyring, &batch).await?;
    drop(batch);
    open_with(&keys, events);
    Ok(())
}

/// The same with the keys of all who still have one.
pub(crate) fn open_with(keys: &DataKeys, events: &mut [Recorded]) {
    for e in events {
        let opened = sealed(e).open(keys);
        let known = if e.event_version == FIRST_VERSION {
            opened
        } else {
            Err(format!("its version {} is unknown", e.event_version))
        };
        e.event = known
            .map_err(|reason| UnknownEvent {
                aggregate_type: e.aggregate_type.clone(),
                aggregate_id: e.aggregate_id.clone(),
                reason,
            })
            .and_then(|()| {
                Event::from_stored(&e.aggregate_type, &e.aggregate_id, e.payload.clone())
            });
    }
}

fn sealed(e: &mut Recorded) -> Sealed<'_> {
    Sealed {
        place: Place {
            aggregate_type: &e.aggregate_type,
            aggregate_id: &e.aggregate_id,
            sequence: e.sequence,
        },
        event_type: &e.event_type,
        payload: &mut e.payload,
        metadata: &mut e.metadata,
    }
}
