//! When the clock process has something to do.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_store::{Demand, SideRow, SideRowError, same_type, write_joined};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

/// Notes when an aggregate's next moment comes; none takes the note away.
pub struct Due {
    /// `device`, `gateway` or `policy`.
    pub aggregate_type: &'static str,
    /// Which.
    pub aggregate_id: Uuid,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

#[async_trait]
impl SideRow for Due {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        self.write_all(&[], conn).await
    }

    async fn write_all(
        &self,
        more: &[&dyn SideRow],
        conn: &mut PgConnection,
    ) -> Result<(), SideRowError> {
        write_joined(self, more, conn).await.map(drop)
    }

    fn join<'a>(
        &'a self,
        more: &[&'a dyn SideRow],
        sql: &mut QueryBuilder<'a, Postgres>,
    ) -> Result<Option<Demand>, SideRowError> {
        let rows = same_type(self, more)?;
        let (noted, gone): (Vec<&Self>, Vec<&Self>) =
            rows.into_iter().partition(|row| row.at.is_some());
        sql.push(", due_gone AS (DELETE FROM due d USING unnest(")
            .push_bind(gone.iter().map(|row| row.aggregate_type).collect::<Vec<_>>())
            .push("::text[], ")
            .push_bind(gone.iter().map(|row| row.aggregate_id).collect::<Vec<_>>())
            .push(
                "::uuid[]) AS g (aggregate_type, aggregate_id) \
                 WHERE d.aggregate_type = g.aggregate_type AND d.aggregate_id = g.aggregate_id), \
                 due_noted AS (INSERT INTO due (aggregate_type, aggregate_id, at) \
                 SELECT * FROM unnest(",
            )
            .push_bind(noted.iter().map(|row| row.aggregate_type).collect::<Vec<_>>())
            .push("::text[], ")
            .push_bind(noted.iter().map(|row| row.aggregate_id).collect::<Vec<_>>())
            .push("::uuid[], ")
            .push_bind(noted.iter().map(|row| row.at).collect::<Vec<_>>())
            .push(
                "::timestamptz[]) ON CONFLICT (aggregate_type, aggregate_id) \
                 DO UPDATE SET at = excluded.at RETURNING 1)",
            );
        Ok(Some(Demand { member: "due_noted", rows: noted.len() }))
    }
}
