//! A read model folded beside the live one, in a schema of its own.

use nexavpn_store::Log;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::RebuildError;
use crate::{
    Projection,
    advance::{Advanced, BATCH, Own, Schema},
    checkpoint,
};

/// How near the shadow has to be before the live projection is held up for the rest.
const NEAR: i64 = BATCH as i64;

pub(super) struct Shadow {
    pub(super) projection: &'static dyn Projection,
    pub(super) log: Log,
    pub(super) schema: Schema,
    pub(super) idx: i64,
    owner: PgPool,
    own: Own,
    /// Holds the lock that keeps others from doing the same. Its end releases it.
    guard: PgConnection,
}

#[derive(sqlx::FromRow)]
pub(super) struct Live {
    pub(super) version: i32,
    pub(super) idx: i64,
}

/// The live projection is held where the shadow is.
pub(super) struct Level {
    pub(super) tx: Transaction<'static, Postgres>,
}

impl Shadow {
    /// Makes empty tables like the live ones.
    pub(super) async fn create(
        owner: &PgPool,
        log: &Log,
        projection: &'static dyn Projection,
    ) -> Result<Self, RebuildError> {
        let name = projection.name();
        let schema = Schema(format!("rebuild_{name}"));
        let mut guard = owner.acquire().await?.detach();
        let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 0))")
            .bind(&schema.0)
            .fetch_one(&mut guard)
            .await?;
        if !free {
            return Err(RebuildError::Busy(name));
        }
        checkpoint::ensure(owner, projection).await?;
        let mut sql = format!(
            "BEGIN; DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0};
             CREATE TABLE {0}.projection_checkpoint
                 (LIKE read.projection_checkpoint INCLUDING ALL);",
            schema.0
        );
        for table in projection.tables() {
            let copy =
                format!("CREATE TABLE {}.{table} (LIKE read.{table} INCLUDING ALL);", schema.0);
            sql.push_str(&copy);
        }
        sql.push_str("COMMIT");
        sqlx::raw_sql(&sql).execute(&mut guard).await?;
        let checkpoint = format!(
            "INSERT INTO {}.projection_checkpoint (name, version, idx, total)
             VALUES ($1, $2, 0, 0)",
            schema.0
        );
        sqlx::query(&checkpoint).bind(name).bind(projection.version()).execute(&mut guard).await?;
        let (log, owner) = (log.clone(), owner.clone());
        let own = Own::new(log.bystanders());
        Ok(Self { projection, log, schema, idx: 0, owner, own, guard })
    }

    /// Folds up to and with `idx`, as far as the log goes.
    pub(super) async fn fold_to(&mut self, idx: i64) -> Result<(), RebuildError> {
        while self.idx < idx {
            let want = usize::try_from(idx - self.idx).unwrap_or(BATCH).min(BATCH);
            let events = self.log.read(self.idx, want).await?;
            let Some(last) = events.last() else {
                return Ok(());
            };
            let members = [self.projection];
            let outcome =
                self.own.advance(&self.owner, &self.schema, &members, self.idx, &events).await?;
            if outcome == Advanced::Lost {
                return Err(RebuildError::Busy(self.projection.name()));
            }
            self.idx = last.idx;
        }
        Ok(())
    }

    /// Where the live projection is.
    pub(super) async fn live(&self) -> Result<Live, RebuildError> {
        let sql = "SELECT version, idx FROM read.projection_checkpoint WHERE name = $1";
        Ok(sqlx::query_as(sql).bind(self.projection.name()).fetch_one(&self.owner).await?)
    }

    /// Holds the live projection and folds what is still missing. The shadow is then where the
    /// live one is, or further where that lags.
    pub(super) async fn level(&mut self) -> Result<Level, RebuildError> {
        loop {
            let live = self.live().await?.idx;
            if live - self.idx <= NEAR {
                break;
            }
            self.fold_to(live).await?;
        }
        let mut tx = self.owner.begin().await?;
        let live: i64 = sqlx::query_scalar(
            "SELECT idx FROM read.projection_checkpoint WHERE name = $1 FOR UPDATE",
        )
        .bind(self.projection.name())
        .fetch_one(&mut *tx)
        .await?;
        self.fold_to(live).await?;
        Ok(Level { tx })
    }

    /// Drops what is left of it.
    pub(super) async fn remove(mut self) -> Result<(), RebuildError> {
        let sql = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema.0);
        sqlx::raw_sql(&sql).execute(&mut self.guard).await?;
        // Closing alone releases the lock only when the server gets to it.
        sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut self.guard).await?;
        sqlx::Connection::close(self.guard).await?;
        Ok(())
    }
}
