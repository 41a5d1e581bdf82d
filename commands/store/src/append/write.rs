//! The transaction of an append.

use std::{any::TypeId, time::Duration};

use nexavpn_domain::ClaimKind;
use sqlx::{Connection as _, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{
    Position,
    claims::{held_claim, keep_an_admin, release, take, take_pools},
    numbers::Numbers,
    prepare::{Prepared, claim_conflict},
    statement::Statement,
};
use crate::{
    AppendError, Bystanders, SideRow, SideRowError,
    slots::{all_freed, free, hold},
};

/// How often a transaction that PostgreSQL chose as a victim is run again.
const ATTEMPTS: usize = 6;
/// The SQLSTATE with which the function `demand` ends a statement.
const DOES_NOT_HOLD: &str = "NX001";

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

/// How appends are written.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// For how long an address that is given up rests.
    pub(crate) rest: Duration,
    /// Whom the order of events need not wait for.
    pub(crate) bystanders: &'a Bystanders,
}

/// A transaction that was committed.
pub(crate) struct Written {
    pub(crate) position: Position,
    /// The numbers of its events, where it could give them.
    pub(crate) numbers: Option<Numbers>,
}

impl From<Position> for Written {
    fn from(position: Position) -> Self {
        Self { position, numbers: None }
    }
}

/// Writes one append; serialisation failures and deadlocks are retried, each time in a new
/// transaction, whose id is therefore assigned after the load too.
pub(crate) async fn write_alone(
    conn: &mut PgConnection,
    prepared: &Prepared,
    terms: Terms<'_>,
    end: End,
) -> Result<Written, AppendError> {
    let mut attempt = 1;
    loop {
        let failure = match write_to(conn, &[prepared], terms, end).await {
            Ok(written) => return Ok(written),
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
    terms: Terms<'_>,
) -> Result<Written, Failure> {
    write_to(conn, batch, terms, End::Commit).await
}

async fn write_to(
    conn: &mut PgConnection,
    batch: &[&Prepared],
    terms: Terms<'_>,
    end: End,
) -> Result<Written, Failure> {
    if end == End::Commit
        && let Some(written) = write_at_once(conn, batch, terms).await?
    {
        return Ok(written);
    }
    // In several statements one could take what another one, that comes after it, gives up.
    if batch.len() > 1 && batch.iter().any(|p| p.effects.gives_up()) {
        return Err(AppendError::Sequence.into());
    }
    let mut tx = conn.begin().await?;
    match fill(&mut tx, batch, terms.rest).await {
        Ok(position) => {
            match end {
                End::Commit => tx.commit().await?,
                End::RollBack => tx.rollback().await?,
            }
            Ok(position.into())
        }
        Err(failure) => {
            // At once: a dropped transaction keeps its locks until its connection is used again.
            tx.rollback().await?;
            Err(failure)
        }
    }
}

/// By one statement, which is a transaction of its own: one round trip. `None` where it takes several,
/// also to find out why a batch cannot be written.
async fn write_at_once(
    conn: &mut PgConnection,
    batch: &[&Prepared],
    terms: Terms<'_>,
) -> Result<Option<Written>, Failure> {
    let events = Statement::of_events(batch).and_data_keys(batch).and_claims(batch);
    // What cannot join is refused, with its reason, where it is written by itself.
    let Ok(Some(statement)) = events.and_all_else(batch, terms.rest) else { return Ok(None) };
    let mut statement = statement.end_numbered(batch, terms.bystanders);
    let rows = match statement.build().fetch_all(conn).await.map_err(Failure::from) {
        Ok(rows) => rows,
        Err(failure) if failure.code_is(&[DOES_NOT_HOLD]) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let (position, freed) = outcome(rows.first().ok_or(sqlx::Error::RowNotFound)?)?;
    all_freed(batch, freed);
    Ok(Some(Written { position, numbers: Numbers::from_rows(&rows, batch)? }))
}

async fn fill(
    tx: &mut PgConnection,
    batch: &[&Prepared],
    rest: Duration,
) -> Result<Position, Failure> {
    let releases = batch.iter().any(|p| !p.effects.releases.is_empty());
    let events = Statement::of_events(batch).and_data_keys(batch);
    let events = if releases { events } else { events.and_claims(batch) };
    let (position, _) = run(tx, events).await?;
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
pub(super) fn by_type<'a>(batch: &[&'a Prepared]) -> Vec<Vec<&'a dyn SideRow>> {
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

/// Gives the transaction, and how many addresses were freed.
async fn run(
    conn: &mut PgConnection,
    statement: Statement<'_>,
) -> Result<(Position, u64), Failure> {
    Ok(outcome(&statement.end().build().fetch_one(conn).await?)?)
}

fn outcome(row: &PgRow) -> Result<(Position, u64), sqlx::Error> {
    let position = Position { generation: row.try_get("gen")?, tx: row.try_get("tx")? };
    Ok((position, u64::try_from(row.try_get::<i64, _>("freed")?).unwrap_or(0)))
}
