//! The guard against a restored or copied cluster, whose transaction ids start anew.

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};

use crate::StoreError;

/// Whether the order of new events would follow that of the stored ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// It would.
    Ok,
    /// The events came from another cluster or from its future: no writes until
    /// [`restore_accept`].
    Restored {
        /// How that is known.
        why: String,
    },
}

/// The guard and what it was worked out from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) guard: Guard,
    pub(crate) generation: i16,
    pub(crate) epoch: i64,
}

impl Standing {
    pub(crate) async fn read(db: impl PgExecutor<'_>) -> Result<Self, sqlx::Error> {
        let (generation, epoch, same, next, newest): (i16, i64, bool, i64, Option<i64>) =
            sqlx::query_as(
                "SELECT m.gen, m.epoch, m.system_identifier = c.system_identifier,
                        pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
                        (SELECT max(tx) FROM events WHERE gen = m.gen)
                 FROM store_meta m, pg_control_system() c",
            )
            .fetch_one(db)
            .await?;
        let why = if !same {
            Some("the database was restored into or copied to another cluster".to_owned())
        } else {
            // A committed transaction's id lies below every later snapshot's end.
            newest.filter(|newest| *newest >= next).map(|newest| {
                format!(
                    "the newest event is of transaction {newest}, but the cluster is only at \
                     {next}"
                )
            })
        };
        let guard = why.map_or(Guard::Ok, |why| Guard::Restored { why });
        Ok(Self { guard, generation, epoch })
    }
}

/// What [`restore_accept`] set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The generation that new events belong to.
    pub generation: i16,
    /// The epoch that new bundles carry.
    pub epoch: i64,
}

/// Accepts the present events as the history from which to go on: the next generation and a new
/// epoch. As the owner of the tables; also after a failover that lost commits.
///
/// # Errors
/// Where the database refuses.
pub async fn restore_accept(owner: &PgPool, now: DateTime<Utc>) -> Result<Accepted, StoreError> {
    let mut tx = owner.begin().await?;
    // Nothing is appended between the look at the generations and the new default.
    sqlx::query("LOCK TABLE events IN ACCESS EXCLUSIVE MODE").execute(&mut *tx).await?;
    let generation: i16 = sqlx::query_scalar(
        "SELECT (greatest(m.gen, (SELECT max(gen) FROM events)) + 1)::smallint
         FROM store_meta m FOR UPDATE",
    )
    .fetch_one(&mut *tx)
    .await?;
    sqlx::raw_sql(&format!("ALTER TABLE events ALTER COLUMN gen SET DEFAULT {generation}"))
        .execute(&mut *tx)
        .await?;
    let epoch: i64 = sqlx::query_scalar(
        "UPDATE store_meta m
         SET gen = $1, epoch = greatest($2, m.epoch + 1), system_identifier = c.system_identifier
         FROM pg_control_system() c RETURNING m.epoch",
    )
    .bind(generation)
    .bind(now.timestamp())
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Accepted { generation, epoch })
}
