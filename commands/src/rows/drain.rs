//! Gateways that are drained.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::ids::GatewayId;
use nexavpn_store::{SideRow, SideRowError};
use sqlx::PgConnection;
use uuid::Uuid;

/// Begins a drain, or gives it another target. It waits for those who are just giving the gateway
/// a device, and whoever comes after it sees it.
pub struct BeginDrain {
    /// Which.
    pub gateway_id: GatewayId,
    /// Where its devices go.
    pub target: Option<GatewayId>,
    /// What the moves belong to.
    pub correlation_id: Uuid,
    /// The present.
    pub now: DateTime<Utc>,
}

#[async_trait]
impl SideRow for BeginDrain {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        let locked = sqlx::query(
            "SELECT FROM claims WHERE kind = 'gateway_name' AND aggregate_id = $1 FOR UPDATE",
        )
        .bind(self.gateway_id.to_string())
        .execute(&mut *conn)
        .await?;
        if locked.rows_affected() != 1 {
            return Err(SideRowError::Stale);
        }
        sqlx::query(
            "INSERT INTO gateway_drain (gateway_id, target, correlation_id, started_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (gateway_id)
             DO UPDATE SET target = excluded.target, correlation_id = excluded.correlation_id,
                           failed_at = NULL, code = NULL, message = NULL",
        )
        .bind(self.gateway_id.0)
        .bind(self.target.map(|id| id.0))
        .bind(self.correlation_id)
        .bind(self.now)
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Ends a drain. It waits for a move that is being committed; none comes after it.
pub struct EndDrain(pub GatewayId);

#[async_trait]
impl SideRow for EndDrain {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        let done = sqlx::query("DELETE FROM gateway_drain WHERE gateway_id = $1")
            .bind(self.0.0)
            .execute(conn)
            .await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(SideRowError::Stale) }
    }
}

/// Lets devices be moved only as long as the drain lasts.
pub struct StillDrained(pub GatewayId);

#[async_trait]
impl SideRow for StillDrained {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        let found = sqlx::query("SELECT FROM gateway_drain WHERE gateway_id = $1 FOR KEY SHARE")
            .bind(self.0.0)
            .execute(conn)
            .await?;
        if found.rows_affected() == 1 { Ok(()) } else { Err(SideRowError::Stale) }
    }
}
