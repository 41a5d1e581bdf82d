//! What a projection is.

use async_trait::async_trait;
use nexavpn_domain::Event;
use nexavpn_store::Recorded;
use sqlx::{PgConnection, postgres::PgQueryResult};

/// A read model's writer: a fold of the log into tables of the schema `read`.
///
/// A fold writes to its own tables only, by bare names (the same fold fills the live tables and
/// those of a rebuild, which live in another schema), and takes everything from the event: no
/// clock, no other projection. So a rebuilt read model equals the live one, row by row.
#[async_trait]
pub trait Projection: Send + Sync {
    /// Its name, in the checkpoint and on the command line.
    fn name(&self) -> &'static str;

    /// Raised when the fold changes: the live tables are then out of date until they are rebuilt.
    fn version(&self) -> i32;

    /// Its tables.
    fn tables(&self) -> &'static [&'static str];

    /// The aggregates whose events it folds; the others pass it by, known or not.
    fn reads(&self) -> &'static [&'static str];

    /// Whether it trails the others: it is folded up to where all live ones are that do not, in
    /// larger batches, and no write waits for it. Its readers wait instead
    /// ([`Handle::wait_for_all`](crate::Handle::wait_for_all)), and may join the others' tables:
    /// those are never behind it.
    fn trails(&self) -> bool {
        false
    }

    /// Folds one event. Answers by how many rows a list without a filter has grown.
    ///
    /// # Errors
    /// Where the database fails or the event does not fit what was folded before.
    async fn apply(&self, conn: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError>;

    /// Folds several events, in order.
    ///
    /// # Errors
    /// As for [`apply`](Self::apply).
    async fn apply_all(
        &self,
        conn: &mut PgConnection,
        events: &[&Recorded],
    ) -> Result<i64, ApplyError> {
        let mut grown = 0;
        for event in events {
            grown += self.apply(conn, event).await?;
        }
        Ok(grown)
    }
}

/// Why an event was not folded. Messages are safe to log: they hold no values of rows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApplyError {
    /// The database failed for a reason that passes.
    #[error("the database failed for the moment: {0}")]
    Transient(String),
    /// The database refused what the fold wrote.
    #[error("the database refused the row: {0}")]
    Refused(String),
    /// This version does not know the event.
    #[error("this version does not know the event: {0}")]
    Unknown(String),
    /// The event is about a row that is not there, or there already.
    #[error("{event_type} number {sequence} of {aggregate_id} changed {rows} rows instead of one")]
    Rows {
        /// The event's wire name.
        event_type: String,
        /// Whose event.
        aggregate_id: String,
        /// Its number.
        sequence: i64,
        /// How many rows it changed.
        rows: u64,
    },
}

impl ApplyError {
    /// Whether trying again can help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }
}

impl From<sqlx::Error> for ApplyError {
    fn from(error: sqlx::Error) -> Self {
        let text = describe(&error);
        match error {
            sqlx::Error::Database(e) => {
                // Connection, resources, rollback, object in use, operator intervention, system.
                let class = e.code().map(|c| c.chars().take(2).collect::<String>());
                match class.as_deref() {
                    Some("08" | "40" | "53" | "55" | "57" | "58") => Self::Transient(text),
                    _ => Self::Refused(text),
                }
            }
            sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. } => Self::Refused(text),
            _ => Self::Transient(text),
        }
    }
}

/// A database error without the message, which may repeat a value.
pub(crate) fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(e) => format!(
            "SQLSTATE {} (table {}, constraint {})",
            e.code().unwrap_or_default(),
            e.table().unwrap_or("-"),
            e.constraint().unwrap_or("-"),
        ),
        other => other.to_string(),
    }
}

/// The event, where this version knows it.
pub(crate) fn known(recorded: &Recorded) -> Result<&Event, ApplyError> {
    recorded.event.as_ref().map_err(|e| ApplyError::Unknown(e.to_string()))
}

/// Exactly one row must have been written.
pub(crate) fn one(result: &PgQueryResult, event: &Recorded) -> Result<(), ApplyError> {
    match result.rows_affected() {
        1 => Ok(()),
        rows => Err(ApplyError::Rows {
            event_type: event.event_type.clone(),
            aggregate_id: event.aggregate_id.clone(),
            sequence: event.sequence,
            rows,
        }),
    }
}

/// One row for each event, or whatever else a row is written for, must have been written.
pub(crate) fn each<T>(result: &PgQueryResult, events: &[T]) -> Result<i64, ApplyError> {
    let rows = result.rows_affected();
    if usize::try_from(rows) == Ok(events.len()) {
        return Ok(i64::try_from(rows).unwrap_or(0));
    }
    Err(ApplyError::Refused(format!("{rows} rows instead of {}", events.len())))
}

/// A part of an event as the JSON that it was stored as.
pub(crate) fn to_json(
    part: &impl serde::Serialize,
    event: &Recorded,
) -> Result<serde_json::Value, ApplyError> {
    serde_json::to_value(part)
        .map_err(|_| ApplyError::Refused(format!("{} is no JSON", event.event_type)))
}

/// Begins a write: binds the id as $1, the version as $2 and the time as $3.
pub(crate) fn update<'q>(
    sql: &'q str,
    id: uuid::Uuid,
    event: &Recorded,
) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments> {
    sqlx::query(sql).bind(id).bind(event.sequence).bind(event.effective_time)
}
