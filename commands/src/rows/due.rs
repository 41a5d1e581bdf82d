//! When the clock process has something to do.

use chrono::{DateTime, Utc};
use nexavpn_store::{Demand, JoinedRow, SideRow, SideRowError, same_type};
use sqlx::{Postgres, QueryBuilder};
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

impl JoinedRow for Due {
    fn join<'a>(
        &'a self,
        more: &[&'a dyn SideRow],
        sql: &mut QueryBuilder<'a, Postgres>,
    ) -> Result<Demand, SideRowError> {
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
        Ok(Demand { member: "due_noted", rows: noted.len() })
    }
}
