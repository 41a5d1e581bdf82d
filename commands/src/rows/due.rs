//! When the clock process has something to do.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_store::{SideRow, SideRowError};
use sqlx::PgConnection;
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
        let query = match self.at {
            Some(at) => sqlx::query(
                "INSERT INTO due (aggregate_type, aggregate_id, at) VALUES ($1, $2, $3)
                 ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET at = excluded.at",
            )
            .bind(self.aggregate_type)
            .bind(self.aggregate_id)
            .bind(at),
            None => sqlx::query("DELETE FROM due WHERE aggregate_type = $1 AND aggregate_id = $2")
                .bind(self.aggregate_type)
                .bind(self.aggregate_id),
        };
        query.execute(conn).await?;
        Ok(())
    }
}
