//! The transaction of an append.

use std::{any::TypeId, time::Duration};

use nexavpn_domain::ClaimKind;
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::{
    Position,
    claims::{held_claim, keep_an_admin, release, take, take_pools},
    prepare::{Prepared, claim_conflict},
};
use crate::{
    AppendError, SideRow, SideRowError,
    slots::{free, hold},
};

/// How often a transaction that PostgreSQL chose as a victim is run again.
const ATTEMPTS: usize = 6;

/// Why a transaction was not committed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Failure {
    fn code_is(&self, codes: &[&str]) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(e)) => {
                e.code().is_some_and(|c| codes.contains(&c.as_ref()))
            }
            _ => false,
        }
    }

    fn into_error(self) -> AppendError {
        match self {
            Self::Append(e) => e,
            Self::Database(e) => e.into(),
        }
    }

    fn constraint(&self) -> Option<&str> {
        match self {
            Self::Database(sqlx::Error::Database(e)) => e.constraint(),
            _ => None,
        }
    }

    /// Whether the transaction is known to have been rolled back, so that it may be run again.
    pub(crate) fn rolled_back(&self) -> bool {
        match self {
            Self::Append(_) => true,
            Self::Database(e) => matches!(e, sqlx::Error::Database(_)),
        }
    }
}

/// How the transaction of an append ends where nothing stands in its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It happens.
    Commit,
    /// It was only to be seen whether it could.
    RollBack,
}

/// Writes one append; serialisation failures and deadlocks are retried, each time in a new
/// transaction, whose id is therefore assigned after the load too.
pub(crate) async fn write_alone(
    conn: &mut PgConnection,
    prepared: &Prepared,
    rest: Duration,
    end: End,
) -> Result<Position, AppendError> {
    let mut attempt = 1;
    loop {
        let failure = match write_to(conn, &[prepared], rest, end).await {
            Ok(position) => return Ok(position),
            Err(failure) => failure,
        };
        let error = match failure.constraint() {
            Some("events_pkey" | "data_key_pkey") => return Err(AppendError::Sequence),
            Some("pool_claims_overlap" | "pool_claims_pkey") => {
                return Err(AppendError::Conflict(claim_conflict(ClaimKind::Pool)));
            }
            Some("claims_pkey") => match held_claim(conn, prepared).await? {
                Some(kind) => return Err(AppendError::Conflict(claim_conflict(kind))),
                // Given up again between the two looks.
                None => AppendError::Sequence,
            },
            _ if failure.code_is(&["40001", "40P01"]) => AppendError::Sequence,
            _ => {
                return Err(failure.into_error());
            }
        };
        if attempt == ATTEMPTS {
            return Err(error);
        }
        attempt += 1;
    }
}

/// Writes several appends in one transaction, all or none.
pub(crate) async fn write(
    conn: &mut PgConnection,
    batch: &[&Prepared],
    rest: Duration,
) -> Result<Position, Failure> {
    write_to(conn, batch, rest, End::Commit).await
}

async fn write_to(
    conn: &mut PgConnection,
    batch: &[&Prepared],
    rest: Duration,
    end: End,
) -> Result<Position, Failure> {
    if end == End::Commit && batch.iter().all(|p| p.is_plain()) {
        // One statement is a transaction of its own: one round trip.
        return insert(conn, batch, true).await;
    }
    let mut tx = conn.begin().await?;
    match fill(&mut tx, batch, rest).await {
        Ok(position) => {
            match end {
                End::Commit => tx.commit().await?,
                End::RollBack => tx.rollback().await?,
            }
            Ok(position)
        }
        Err(failure) => {
            // At once: a dropped transaction keeps its locks until its connection is used again.
            tx.rollback().await?;
            Err(failure)
        }
    }
}

async fn fill(
    tx: &mut PgConnection,
    batch: &[&Prepared],
    rest: Duration,
) -> Result<Position, Failure> {
    let releases = batch.iter().any(|p| !p.effects.releases.is_empty());
    let position = insert(tx, batch, !releases).await?;
    if releases {
        let admin_left = release(tx, batch).await?;
        take(tx, batch).await?;
        if admin_left {
            keep_an_admin(tx).await?;
        }
    }
    take_pools(tx, batch).await?;
    // A device that moves gives up its old place first.
    free(tx, batch, rest).await?;
    hold(tx, batch).await?;
    write_rows(tx, batch).await?;
    Ok(position)
}

/// Writes what an append without events has left: its side rows.
pub(crate) async fn write_rows_alone(
    conn: &mut PgConnection,
    prepared: &Prepared,
) -> Result<(), AppendError> {
    let mut tx = conn.begin().await?;
    sqlx::query("SET LOCAL synchronous_commit = on").execute(&mut *tx).await?;
    match write_rows(&mut tx, &[prepared]).await {
        Ok(()) => Ok(tx.commit().await?),
        Err(failure) => {
            tx.rollback().await?;
            Err(failure.into_error())
        }
    }
}

/// Destroys data keys and writes side rows.
async fn write_rows(tx: &mut PgConnection, batch: &[&Prepared]) -> Result<(), Failure> {
    let forget: Vec<Uuid> = batch.iter().flat_map(|p| &p.append.forget).map(|u| u.0).collect();
    if !forget.is_empty() {
        sqlx::query("DELETE FROM data_key WHERE user_id = ANY($1)")
            .bind(forget)
            .execute(&mut *tx)
            .await?;
    }
    for rows in by_type(batch) {
        let Some((first, more)) = rows.split_first() else { continue };
        first.write_all(more, &mut *tx).await.map_err(|e| match e {
            SideRowError::Database(e) => Failure::Database(e),
            SideRowError::Refused(e) => Failure::Append(AppendError::Refused(e)),
            SideRowError::Stale => Failure::Append(AppendError::Sequence),
        })?;
    }
    Ok(())
}

/// The side rows of a batch, those of one type together, in the place of the first of them.
fn by_type<'a>(batch: &[&'a Prepared]) -> Vec<Vec<&'a dyn SideRow>> {
    let mut groups: Vec<(TypeId, Vec<&dyn SideRow>)> = Vec::new();
    for row in batch.iter().flat_map(|p| &p.append.rows) {
        let row: &dyn SideRow = &**row;
        match groups.iter_mut().find(|(of, _)| *of == row.type_id()) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((row.type_id(), vec![row])),
        }
    }
    groups.into_iter().map(|(_, rows)| rows).collect()
}

/// The events and what is only ever added, in one statement; the transaction's id is that of its
/// first row.
async fn insert(
    conn: &mut PgConnection,
    batch: &[&Prepared],
    with_claims: bool,
) -> Result<Position, Failure> {
    let rows = || batch.iter().flat_map(|p| &p.rows);
    let keys = || batch.iter().flat_map(|p| &p.data_keys);
    let takes = || batch.iter().flat_map(|p| &p.effects.takes).filter(|_| with_claims);
    let has_keys = keys().next().is_some();
    let has_takes = takes().next().is_some();
    let statement = match (has_keys, has_takes) {
        (false, false) => EVENTS,
        (false, true) => EVENTS_CLAIMS,
        (true, _) => EVENTS_CLAIMS_KEYS,
    };
    let mut query = sqlx::query(statement)
        .bind(rows().map(|r| r.aggregate_type).collect::<Vec<_>>())
        .bind(rows().map(|r| r.aggregate_id.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|r| r.sequence).collect::<Vec<_>>())
        .bind(rows().map(|r| r.event_type.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|r| r.event_version.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|r| r.payload.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|r| r.metadata.as_str()).collect::<Vec<_>>());
    if has_keys || has_takes {
        // A batch is sorted as a whole, for the same reason as one append's takes.
        let mut takes: Vec<_> = takes().collect();
        takes.sort();
        query = query
            .bind(takes.iter().map(|t| t.kind.as_str()).collect::<Vec<_>>())
            .bind(takes.iter().map(|t| t.key.as_str()).collect::<Vec<_>>())
            .bind(takes.iter().map(|t| t.aggregate_type).collect::<Vec<_>>())
            .bind(takes.iter().map(|t| t.aggregate_id.as_str()).collect::<Vec<_>>());
    }
    if has_keys {
        query = query
            .bind(keys().map(|(user, _)| user.0).collect::<Vec<_>>())
            .bind(keys().map(|(_, wrapped)| wrapped.as_slice()).collect::<Vec<_>>());
    }
    let row = query.fetch_one(conn).await?;
    Ok(Position { generation: row.try_get("gen")?, tx: row.try_get("tx")? })
}

macro_rules! insert_events {
    ($more:literal) => {
        concat!(
            "WITH durable AS MATERIALIZED (
                 SELECT set_config('synchronous_commit', 'on', true)
             ), e AS (
                 INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type,
                                     event_version, payload, metadata)
                 SELECT t.a, t.b, t.c, t.d, t.e, t.f::json, t.g::json
                 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[],
                             $6::text[], $7::text[]) AS t (a, b, c, d, e, f, g)
                 RETURNING gen, tx
             )",
            $more,
            " SELECT gen, tx FROM e, durable LIMIT 1"
        )
    };
}

const EVENTS: &str = insert_events!("");
const EVENTS_CLAIMS: &str = insert_events!(
    ", c AS (
         INSERT INTO claims (kind, key, aggregate_type, aggregate_id)
         SELECT * FROM unnest($8::text[], $9::text[], $10::text[], $11::text[])
     )"
);
const EVENTS_CLAIMS_KEYS: &str = insert_events!(
    ", c AS (
         INSERT INTO claims (kind, key, aggregate_type, aggregate_id)
         SELECT * FROM unnest($8::text[], $9::text[], $10::text[], $11::text[])
     ), k AS (
         INSERT INTO data_key (user_id, wrapped) SELECT * FROM unnest($12::uuid[], $13::bytea[])
     )"
);
