//! One batch of events into the tables of some projections, with their checkpoints.

use nexavpn_store::Recorded;
use sqlx::{PgConnection, PgPool};

use crate::{ApplyError, Projection};

/// How many events one transaction folds. Bounded, since an open write transaction holds back the
/// order of everybody's newer events.
pub(crate) const BATCH: usize = 200;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advanced {
    /// Rows and checkpoints are written.
    Done,
    /// Somebody else moved a checkpoint first. Nothing was written.
    Lost,
}

/// The schema that a fold writes to. The name is ours, never a request's.
#[derive(Debug, Clone)]
pub(crate) struct Schema(pub(crate) String);

impl Schema {
    /// Where queries read.
    pub(crate) fn live() -> Self {
        Self("read".to_owned())
    }
}

/// Folds the events after `from` and moves the checkpoints from there to the last event, all in
/// one transaction. Every process may try: the checkpoints are compared and moved first, so
/// exactly one succeeds.
pub(crate) async fn advance(
    pool: &PgPool,
    schema: &Schema,
    projections: &[&'static dyn Projection],
    from: i64,
    events: &[Recorded],
) -> Result<Advanced, ApplyError> {
    let Some(last) = events.last() else {
        return Ok(Advanced::Done);
    };
    // A lost commit is folded again from the checkpoint that was lost with it.
    let begin =
        format!("BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL search_path = {}", schema.0);
    let mut tx = pool.begin_with(begin).await?;
    if !take(&mut tx, projections, from, last.idx).await? {
        tx.rollback().await?;
        return Ok(Advanced::Lost);
    }
    let mut grown = Vec::with_capacity(projections.len());
    for projection in projections {
        let reads = projection.reads();
        let own: Vec<&Recorded> = events
            .iter()
            .filter(|e| reads.is_empty() || reads.contains(&e.aggregate_type.as_str()))
            .collect();
        grown.push(if own.is_empty() { 0 } else { projection.apply_all(&mut tx, &own).await? });
    }
    let grown = projections.iter().map(|p| p.name()).zip(grown).filter(|(_, n)| *n != 0);
    let (names, grown): (Vec<_>, Vec<_>) = grown.unzip();
    if !names.is_empty() {
        record(&mut tx, &names, &grown).await?;
    }
    tx.commit().await?;
    Ok(Advanced::Done)
}

/// Moves the checkpoints if all of them are still where we believe them to be; then they are ours
/// until the transaction ends. Locked in the order of names, so that two processes cannot block
/// each other.
async fn take(
    conn: &mut PgConnection,
    projections: &[&'static dyn Projection],
    from: i64,
    to: i64,
) -> Result<bool, ApplyError> {
    let taken = sqlx::query(
        "WITH own AS MATERIALIZED (
             SELECT c.name FROM projection_checkpoint c
             JOIN unnest($1::text[], $2::int[]) AS p (name, version)
                  ON c.name = p.name AND c.version = p.version
             WHERE c.idx = $3 ORDER BY c.name FOR UPDATE OF c
         )
         UPDATE projection_checkpoint c
         SET idx = $4, failed_idx = NULL, failed_reason = NULL
         FROM own WHERE c.name = own.name",
    )
    .bind(names(projections))
    .bind(projections.iter().map(|p| p.version()).collect::<Vec<_>>())
    .bind(from)
    .bind(to)
    .execute(conn)
    .await?;
    Ok(usize::try_from(taken.rows_affected()) == Ok(projections.len()))
}

/// Counts what the lists have grown by.
async fn record(conn: &mut PgConnection, names: &[&str], grown: &[i64]) -> Result<(), ApplyError> {
    let result = sqlx::query(
        "UPDATE projection_checkpoint c SET total = c.total + p.grown
         FROM unnest($1::text[], $2::bigint[]) AS p (name, grown) WHERE c.name = p.name",
    )
    .bind(names)
    .bind(grown)
    .execute(conn)
    .await?;
    let rows = usize::try_from(result.rows_affected()).unwrap_or(usize::MAX);
    if rows == grown.len() {
        Ok(())
    } else {
        Err(ApplyError::Refused(format!("{rows} checkpoints moved instead of {}", grown.len())))
    }
}

fn names(projections: &[&'static dyn Projection]) -> Vec<&'static str> {
    projections.iter().map(|p| p.name()).collect()
}
