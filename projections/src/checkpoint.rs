//! The checkpoints of the live tables.

use sqlx::PgPool;

use crate::{Projection, ProjectionStatus, State};

#[derive(sqlx::FromRow)]
pub(crate) struct Checkpoint {
    pub(crate) name: String,
    pub(crate) version: i32,
    pub(crate) idx: i64,
    pub(crate) failed_idx: Option<i64>,
    pub(crate) failed_reason: Option<String>,
}

impl Checkpoint {
    /// The state that the row speaks of; `None` where it runs.
    fn obstacle(&self, projection: &dyn Projection) -> Option<State> {
        if self.version != projection.version() {
            return Some(State::Outdated { stored: self.version });
        }
        let reason = self.failed_reason.clone()?;
        Some(State::Stopped { idx: self.failed_idx?, reason })
    }
}

/// Makes the checkpoints of new projections, and lets those that were stopped try again: this
/// version may know better.
pub(crate) async fn prepare(
    pool: &PgPool,
    projections: &[&'static dyn Projection],
) -> Result<(), sqlx::Error> {
    for projection in projections {
        ensure(pool, *projection).await?;
        sqlx::query(
            "UPDATE read.projection_checkpoint SET failed_idx = NULL, failed_reason = NULL
             WHERE name = $1 AND version = $2 AND failed_idx IS NOT NULL",
        )
        .bind(projection.name())
        .bind(projection.version())
        .execute(pool)
        .await?;
    }
    Ok(())
}

/// Makes the checkpoint of a new projection.
pub(crate) async fn ensure(pool: &PgPool, projection: &dyn Projection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO read.projection_checkpoint (name, version, idx, total)
         VALUES ($1, $2, 0, 0) ON CONFLICT (name) DO NOTHING",
    )
    .bind(projection.name())
    .bind(projection.version())
    .execute(pool)
    .await?;
    Ok(())
}

/// Writes down what stopped a projection. `false` where its checkpoint has moved meanwhile: then
/// another process got past the event.
pub(crate) async fn stop(
    pool: &PgPool,
    projection: &dyn Projection,
    from: i64,
    idx: i64,
    reason: &str,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query(
        "UPDATE read.projection_checkpoint SET failed_idx = $4, failed_reason = $5
         WHERE name = $1 AND version = $2 AND idx = $3",
    )
    .bind(projection.name())
    .bind(projection.version())
    .bind(from)
    .bind(idx)
    .bind(reason)
    .execute(pool)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Brings what we believe in line with the checkpoints.
pub(crate) async fn reload(
    pool: &PgPool,
    projections: &[&'static dyn Projection],
    states: &tokio::sync::watch::Sender<Vec<ProjectionStatus>>,
) -> Result<(), sqlx::Error> {
    let rows: Vec<Checkpoint> = sqlx::query_as(
        "SELECT name, version, idx, failed_idx, failed_reason FROM read.projection_checkpoint",
    )
    .fetch_all(pool)
    .await?;
    states.send_if_modified(|states| {
        let before = states.clone();
        for (state, projection) in states.iter_mut().zip(projections) {
            let Some(row) = rows.iter().find(|r| r.name == state.name) else {
                continue;
            };
            state.idx = row.idx;
            state.furthest = state.furthest.max(row.idx);
            state.state = match (row.obstacle(*projection), &state.state) {
                (Some(obstacle), _) => obstacle,
                (None, State::Live) => State::Live,
                (None, _) => State::CatchingUp,
            };
        }
        *states != before
    });
    Ok(())
}
