//! Folding a read model anew: beside the old one, then in its place; or to compare the two.

mod shadow;

use nexavpn_store::{Log, StoreError};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use crate::{ApplyError, Projection, find};
use shadow::Shadow;

/// How many differences [`compare`] lists.
const LISTED: i64 = 100;

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// The last event folded.
    pub idx: i64,
    /// How many rows a list without a filter has.
    pub total: i64,
}

/// Which of the two has the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The live read model.
    Live,
    /// The one folded anew.
    Rebuilt,
}

/// A row that only one of the two has. May hold personal data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// In which table.
    pub table: String,
    /// Which of the two has it.
    pub side: Side,
    /// The row.
    pub row: Value,
}

/// Why a read model was not folded anew.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There is no such projection.
    #[error("there is no projection {name}; there are {known}")]
    Unknown {
        /// As asked for.
        name: String,
        /// Which there are.
        known: String,
    },
    /// Another process is at it.
    #[error("another process is folding {0} anew at present: wait until it has finished")]
    Busy(&'static str),
    /// Its tables are of another version, so there is nothing to compare.
    #[error("the tables of {name} are of version {stored}: rebuild it first")]
    Outdated {
        /// Which projection.
        name: &'static str,
        /// The version of its tables.
        stored: i32,
    },
    /// An event cannot be folded.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

fn named(name: &str) -> Result<&'static dyn Projection, RebuildError> {
    find(name).ok_or_else(|| {
        let known: Vec<_> = crate::REGISTRY.iter().map(|p| p.name()).collect();
        RebuildError::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}

/// Folds the whole log into new tables, which then take the place of the old ones in one
/// transaction. Queries and other processes go on meanwhile. Needs the owner's role and four
/// connections.
///
/// # Errors
/// Where an event cannot be folded, or the database fails: the old tables stay.
pub async fn rebuild(owner: &PgPool, log: &Log, name: &str) -> Result<Rebuilt, RebuildError> {
    let projection = named(name)?;
    let mut shadow = Shadow::create(owner, log, projection).await?;
    let outcome = switch(owner, &mut shadow).await;
    finish(shadow, outcome).await
}

async fn switch(owner: &PgPool, shadow: &mut Shadow) -> Result<Rebuilt, RebuildError> {
    let head = shadow.log.head().await?.idx;
    shadow.fold_to(head).await?;
    let name = shadow.projection.name();
    // Without statistics, which PostgreSQL collects only a while later, pages would be read by
    // sorting whole tables.
    for table in shadow.projection.tables() {
        let analyze = format!("ANALYZE {}.{table}", shadow.schema.0);
        sqlx::raw_sql(&analyze).execute(owner).await?;
    }
    let mut level = shadow.level().await?;
    // Readers finish within milliseconds; rather give up than hold the others back behind us.
    sqlx::raw_sql("SET LOCAL lock_timeout = '5s'").execute(&mut *level.tx).await?;
    for table in shadow.projection.tables() {
        take_place(&mut level.tx, shadow, table).await?;
    }
    let total: i64 =
        sqlx::query_scalar(&format!("SELECT total FROM {}.projection_checkpoint", shadow.schema.0))
            .fetch_one(owner)
            .await?;
    let moved = sqlx::query(
        "UPDATE read.projection_checkpoint
         SET version = $2, idx = $3, total = $4, failed_idx = NULL, failed_reason = NULL
         WHERE name = $1",
    )
    .bind(name)
    .bind(shadow.projection.version())
    .bind(shadow.idx)
    .bind(total)
    .execute(&mut *level.tx)
    .await?;
    if moved.rows_affected() != 1 {
        return Err(sqlx::Error::RowNotFound.into());
    }
    level.tx.commit().await?;
    tracing::info!(projection = name, idx = shadow.idx, total, "rebuilt the read model");
    Ok(Rebuilt { idx: shadow.idx, total })
}

/// Puts the new table in the place of the old one, with the same grants.
async fn take_place(
    conn: &mut PgConnection,
    shadow: &Shadow,
    table: &str,
) -> Result<(), RebuildError> {
    let schema = &shadow.schema.0;
    let grants: Vec<String> = sqlx::query_scalar(
        "SELECT format('GRANT %s ON read.%I TO %s', a.privilege_type, c.relname,
                       CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                            ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
         FROM pg_class c, aclexplode(c.relacl) a
         WHERE c.oid = format('read.%I', $1::text)::regclass AND a.grantee <> c.relowner",
    )
    .bind(table)
    .fetch_all(&mut *conn)
    .await?;
    let replace = format!("DROP TABLE read.{table}; ALTER TABLE {schema}.{table} SET SCHEMA read");
    sqlx::raw_sql(&replace).execute(&mut *conn).await?;
    for grant in grants {
        sqlx::raw_sql(&grant).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Folds the log anew up to where the live read model is and lists the rows in which the two
/// differ (at most a hundred a table). Needs the owner's role and four connections.
///
/// # Errors
/// Where an event cannot be folded, or the database fails.
pub async fn compare(
    owner: &PgPool,
    log: &Log,
    name: &str,
) -> Result<Vec<Difference>, RebuildError> {
    let projection = named(name)?;
    let mut shadow = Shadow::create(owner, log, projection).await?;
    let outcome = differences(owner, &mut shadow).await;
    finish(shadow, outcome).await
}

async fn differences(owner: &PgPool, shadow: &mut Shadow) -> Result<Vec<Difference>, RebuildError> {
    let name = shadow.projection.name();
    let live = shadow.live().await?;
    if live.version != shadow.projection.version() {
        return Err(RebuildError::Outdated { name, stored: live.version });
    }
    shadow.fold_to(live.idx).await?;
    let level = shadow.level().await?;
    // The snapshot outlives the lock: comparing large tables holds nobody up.
    let mut snapshot = owner.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let mut differences =
        differing_rows(&mut snapshot, shadow, "projection_checkpoint", "name, total").await?;
    level.tx.rollback().await?;
    for table in shadow.projection.tables() {
        differences.extend(differing_rows(&mut snapshot, shadow, table, "*").await?);
    }
    snapshot.rollback().await?;
    Ok(differences)
}

async fn differing_rows(
    conn: &mut PgConnection,
    shadow: &Shadow,
    table: &str,
    columns: &str,
) -> Result<Vec<Difference>, RebuildError> {
    let of = |schema: &str| {
        let only = if table == "projection_checkpoint" { " WHERE name = $2" } else { "" };
        format!("SELECT {columns} FROM {schema}.{table}{only}")
    };
    let (live, rebuilt) = (of("read"), of(&shadow.schema.0));
    let sql = format!(
        "(SELECT true, to_jsonb(a) FROM ({live} EXCEPT {rebuilt}) a LIMIT $1)
         UNION ALL
         (SELECT false, to_jsonb(b) FROM ({rebuilt} EXCEPT {live}) b LIMIT $1)"
    );
    let mut query = sqlx::query_as(&sql).bind(LISTED);
    if table == "projection_checkpoint" {
        query = query.bind(shadow.projection.name());
    }
    let rows: Vec<(bool, Value)> = query.fetch_all(conn).await?;
    let difference = |(live, row)| Difference {
        table: table.to_owned(),
        side: if live { Side::Live } else { Side::Rebuilt },
        row,
    };
    Ok(rows.into_iter().map(difference).collect())
}

/// Removes the shadow, whatever came of it.
async fn finish<T>(shadow: Shadow, outcome: Result<T, RebuildError>) -> Result<T, RebuildError> {
    let dropped = shadow.remove().await;
    let value = outcome?;
    dropped?;
    Ok(value)
}
