//! What holds back the order of events: the oldest open write transaction of the cluster.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::StoreError;

/// A write transaction that is open.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OpenTransaction {
    /// Its server process; none for a prepared transaction.
    pub pid: Option<i32>,
    /// The database it is in, which need not be ours.
    pub database: Option<String>,
    /// As its client calls itself, or the name of a prepared transaction.
    pub application: Option<String>,
    /// When it began.
    pub since: Option<DateTime<Utc>>,
    /// How many transactions have been begun since.
    pub behind: i64,
}

/// The oldest write transaction of the cluster besides our own statement. Without the right to
/// see other roles' activity (`pg_read_all_stats`) only our own and prepared ones show.
///
/// # Errors
/// Where the database fails.
pub async fn horizon(pool: &PgPool) -> Result<Option<OpenTransaction>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT pid, datname::text AS database, application_name AS application,
                xact_start AS since, age(backend_xid)::bigint AS behind
         FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
         UNION ALL
         SELECT NULL, database::text, gid, prepared, age(transaction)::bigint
         FROM pg_prepared_xacts
         ORDER BY behind DESC LIMIT 1",
    )
    .fetch_optional(pool)
    .await?)
}
