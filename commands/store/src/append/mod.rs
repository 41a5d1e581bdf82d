//! What a command appends, and how.

mod causes;
mod claims;
mod effects;
mod metadata;
mod numbers;
mod prepare;
mod queue;
mod statement;
mod write;

use std::{any::Any, fmt, str::FromStr};

use async_trait::async_trait;
use cqrs_es::DomainEvent as _;
use nexavpn_domain::{
    Decider, Effect, Event, StoredEvent,
    ids::{DeviceId, GatewayId, UserId},
    occasion::Occasion,
    values::Slot,
};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

pub use causes::{EventId, ParseEventIdError};
pub(crate) use causes::{find_causes, stored as latest_stored};
pub(crate) use effects::stored_key;
pub(crate) use metadata::SEALABLE;
pub use metadata::{Actor, Metadata};
pub(crate) use numbers::Numbers;
pub(crate) use prepare::{Prepared, Row as PreparedRow};
pub(crate) use queue::Queue;
pub use statement::{Demand, write_joined};
pub(crate) use write::{End, Failure, Terms, Written, write_alone, write_rows_alone};

use crate::{SideRowError, StoreError};

/// Everything that one command commits.
pub struct Append {
    /// The events, by aggregate.
    pub streams: Vec<Stream>,
    /// Of every event.
    pub metadata: Metadata,
    /// The reservations behind the addresses that the events take.
    pub reservations: Vec<Reservation>,
    /// Credentials and the like, which live or die with the events.
    pub rows: Vec<Box<dyn SideRow>>,
    /// Whose data keys are destroyed.
    pub forget: Vec<UserId>,
}

impl Append {
    /// An append of events alone.
    #[must_use]
    pub const fn new(streams: Vec<Stream>, metadata: Metadata) -> Self {
        Self { streams, metadata, reservations: vec![], rows: vec![], forget: vec![] }
    }

    /// The same with one more side row.
    #[must_use]
    pub fn with_row(mut self, row: impl SideRow + 'static) -> Self {
        self.rows.push(Box::new(row));
        self
    }
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Append").field("streams", &self.streams).finish_non_exhaustive()
    }
}

/// An address that a device takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// What [`Store::reserve_slot`](crate::Store::reserve_slot) gave. None for an address that was
    /// not reserved: the append takes it if it is free by then, and fails otherwise.
    pub token: Option<Uuid>,
    /// Whose pool.
    pub gateway: GatewayId,
    /// Which slot.
    pub slot: Slot,
    /// Who takes it.
    pub device: DeviceId,
}

/// A row of the command side that is written in the append's transaction. It may be written
/// again after a rollback.
#[async_trait]
pub trait SideRow: Any + Send + Sync {
    /// Writes the row.
    ///
    /// # Errors
    /// The whole append fails with it.
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError>;

    /// Writes the row and `more`, which are of the same type: of this append, and of others that
    /// are committed with it. To be overridden where one statement can do it; [`same_type`] then
    /// says what they are.
    ///
    /// # Errors
    /// As [`SideRow::write`]; which row it was is found by writing each append alone.
    async fn write_all(
        &self,
        more: &[&dyn SideRow],
        conn: &mut PgConnection,
    ) -> Result<(), SideRowError> {
        self.write(conn).await?;
        for row in more {
            row.write(conn).await?;
        }
        Ok(())
    }

    /// Adds to the statement that writes the events what writes this row and `more`, which are of
    /// the same type, as one or more members of its `WITH`, the comma before each included. `None`
    /// where that takes statements after one another: then [`SideRow::write_all`] is called, also
    /// to tell what is wrong where the demand does not hold.
    ///
    /// # Errors
    /// Where the rows are of several types.
    fn join<'a>(
        &'a self,
        _more: &[&'a dyn SideRow],
        _sql: &mut QueryBuilder<'a, Postgres>,
    ) -> Result<Option<Demand>, SideRowError> {
        Ok(None)
    }
}

/// A row of which any number are written by one statement, in the append's or by itself.
pub trait JoinedRow: Any + Send + Sync {
    /// As [`SideRow::join`].
    ///
    /// # Errors
    /// Where the rows are of several types.
    fn join<'a>(
        &'a self,
        more: &[&'a dyn SideRow],
        sql: &mut QueryBuilder<'a, Postgres>,
    ) -> Result<Demand, SideRowError>;

    /// What it means that fewer rows were written than there are.
    fn missing() -> SideRowError {
        SideRowError::Stale
    }
}

#[async_trait]
impl<T: JoinedRow> SideRow for T {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        self.write_all(&[], conn).await
    }

    async fn write_all(
        &self,
        more: &[&dyn SideRow],
        conn: &mut PgConnection,
    ) -> Result<(), SideRowError> {
        if write_joined(self, more, conn).await? { Ok(()) } else { Err(T::missing()) }
    }

    fn join<'a>(
        &'a self,
        more: &[&'a dyn SideRow],
        sql: &mut QueryBuilder<'a, Postgres>,
    ) -> Result<Option<Demand>, SideRowError> {
        JoinedRow::join(self, more, sql).map(Some)
    }
}

/// The row that is asked to write several, and the others.
///
/// # Errors
/// Where one of them is of another type.
pub fn same_type<'a, T: SideRow>(
    first: &'a T,
    more: &[&'a dyn SideRow],
) -> Result<Vec<&'a T>, SideRowError> {
    let others = more.iter().map(|row| {
        let row: &dyn Any = *row;
        let other = || sqlx::Error::Protocol("rows of several types are written as one".into());
        row.downcast_ref::<T>().ok_or_else(|| other().into())
    });
    std::iter::once(Ok(first)).chain(others).collect()
}

/// New events of one aggregate.
#[derive(Clone)]
pub struct Stream {
    pub(crate) aggregate_type: &'static str,
    pub(crate) aggregate_id: Uuid,
    pub(crate) expected_sequence: u64,
    pub(crate) events: Vec<NewEvent>,
}

/// An event whose aggregate's type has been erased.
#[derive(Clone)]
pub(crate) struct NewEvent {
    pub(crate) event_type: String,
    pub(crate) event_version: String,
    /// Or why it could not be encoded, which only the append can report.
    pub(crate) payload: Result<serde_json::Value, String>,
    pub(crate) personal_fields: &'static [&'static str],
    pub(crate) subject: Option<UserId>,
    /// Whose keys seal the personal fields besides the subject's.
    pub(crate) further_subjects: Vec<UserId>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) occasion: Option<Occasion>,
    /// The event that made this one necessary, as far as it is known.
    pub(crate) cause: Option<EventId>,
}

impl Stream {
    /// The events that an aggregate decided on when it was at `expected_sequence` (0 for a new
    /// one).
    #[must_use]
    pub fn new<A: Decider>(id: Uuid, expected_sequence: u64, events: Vec<A::Event>) -> Self {
        let events = events
            .into_iter()
            .map(|e| NewEvent {
                event_type: e.event_type(),
                event_version: e.event_version(),
                personal_fields: e.personal_fields(),
                subject: e.subject(id),
                further_subjects: e.further_subjects().to_vec(),
                effects: e.effects(id),
                occasion: e.occasion(),
                cause: None,
                payload: serde_json::to_value(&e).map_err(|e| e.to_string()),
            })
            .collect();
        Self { aggregate_type: A::TYPE, aggregate_id: id, expected_sequence, events }
    }

    /// The same as events about a person: where an event itself names no subject, the reason
    /// given for it is sealed with this person's key, so that erasing the person takes it along.
    #[must_use]
    pub fn about(mut self, person: UserId) -> Self {
        for event in &mut self.events {
            event.subject = event.subject.or(Some(person));
        }
        self
    }

    /// The same as events that another event made necessary.
    #[must_use]
    pub fn because_of(mut self, cause: &EventId) -> Self {
        for event in &mut self.events {
            event.cause = Some(cause.clone());
        }
        self
    }

    /// Which one the event of this type will be; none where there is none among them.
    #[must_use]
    pub fn event_of_type(&self, event_type: &str) -> Option<EventId> {
        let of_type = |(event, _): &(&NewEvent, u64)| event.event_type == event_type;
        let (_, sequence) = self.events.iter().zip(self.expected_sequence + 1..).find(of_type)?;
        Some(self.event_id(sequence))
    }

    fn event_id(&self, sequence: u64) -> EventId {
        EventId {
            aggregate_type: self.aggregate_type.to_owned(),
            aggregate_id: self.aggregate_id.to_string(),
            sequence,
        }
    }

    /// The events as a reader of the log will have them, but for what is sealed.
    ///
    /// # Errors
    /// Where one of them could not be read back.
    pub fn events(&self) -> Result<Vec<Event>, StoreError> {
        let id = self.aggregate_id.to_string();
        let read = |event: &NewEvent| {
            let payload = event.payload.clone().map_err(StoreError::Encode)?;
            Event::from_stored(self.aggregate_type, &id, payload)
                .map_err(|e| StoreError::Encode(e.to_string()))
        };
        self.events.iter().map(read).collect()
    }

    /// Whether there is anything to append.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whose events they are.
    #[must_use]
    pub const fn aggregate_id(&self) -> Uuid {
        self.aggregate_id
    }

    /// Whether the aggregate begins with these events.
    #[must_use]
    pub const fn begins(&self) -> bool {
        self.expected_sequence == 0
    }

    /// The aggregate's sequence after the append.
    #[must_use]
    pub const fn sequence_after(&self) -> u64 {
        self.expected_sequence + self.events.len() as u64
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Stream({} {} {}+{})",
            self.aggregate_type,
            self.aggregate_id,
            self.expected_sequence,
            self.events.len()
        )
    }
}

/// The transaction that committed an append: what a consistency token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The generation; raised when a restored cluster is accepted.
    pub generation: i16,
    /// The transaction in that generation.
    pub tx: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.tx)
    }
}

/// The text is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position: expected <generation>.<transaction>")]
pub struct ParsePositionError;

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (generation, tx) = s.split_once('.').ok_or(ParsePositionError)?;
        Ok(Self {
            generation: generation.parse().map_err(|_| ParsePositionError)?,
            tx: tx.parse().map_err(|_| ParsePositionError)?,
        })
    }
}
