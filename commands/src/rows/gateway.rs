//! What a node proves itself with.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::{DomainError, ids::GatewayId};
use nexavpn_store::{SideRow, SideRowError};
use sqlx::PgConnection;

use super::one;

/// Says the same of every join token that does not work.
pub const JOIN_TOKEN_REFUSED: &str =
    "the join token is unknown, used up or expired: make a new one";

/// Makes a join token the only one of its gateway.
pub struct PutJoinToken {
    /// Whose.
    pub gateway_id: GatewayId,
    /// The hash of its secret.
    pub hash: [u8; 32],
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

#[async_trait]
impl SideRow for PutJoinToken {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        let done = sqlx::query(
            "INSERT INTO gateway_join_token (gateway_id, hash, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (gateway_id)
             DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at",
        )
        .bind(self.gateway_id.0)
        .bind(&self.hash[..])
        .bind(self.expires_at)
        .execute(conn)
        .await?;
        one(&done, "gateway")
    }
}

/// Uses up a join token and gives the node its credential.
pub struct UseJoinToken {
    /// Whose.
    pub gateway_id: GatewayId,
    /// The hash of the token's secret.
    pub token_hash: [u8; 32],
    /// The hash of the new credential.
    pub credential_hash: [u8; 32],
    /// The present.
    pub now: DateTime<Utc>,
}

#[async_trait]
impl SideRow for UseJoinToken {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        let used = sqlx::query(
            "DELETE FROM gateway_join_token
             WHERE gateway_id = $1 AND hash = $2 AND expires_at > $3",
        )
        .bind(self.gateway_id.0)
        .bind(&self.token_hash[..])
        .bind(self.now)
        .execute(&mut *conn)
        .await?;
        if used.rows_affected() != 1 {
            return Err(SideRowError::Refused(DomainError::Forbidden(JOIN_TOKEN_REFUSED.into())));
        }
        let done = sqlx::query(
            "INSERT INTO gateway_credential (gateway_id, hash) VALUES ($1, $2)
             ON CONFLICT (gateway_id) DO UPDATE SET hash = excluded.hash",
        )
        .bind(self.gateway_id.0)
        .bind(&self.credential_hash[..])
        .execute(&mut *conn)
        .await?;
        one(&done, "gateway")?;
        // What the agent before it knew says nothing about this one, which has not reported yet.
        sqlx::query("UPDATE gateway_status SET features = '{}' WHERE gateway_id = $1")
            .bind(self.gateway_id.0)
            .execute(conn)
            .await?;
        Ok(())
    }
}

/// Voids what a deleted gateway's node proved itself with.
pub struct RemoveGateway {
    /// Which.
    pub gateway_id: GatewayId,
    /// Whether its devices are revoked with it.
    pub force: bool,
}

#[async_trait]
impl SideRow for RemoveGateway {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        for table in ["gateway_join_token", "gateway_credential", "gateway_drain"] {
            sqlx::query(&format!("DELETE FROM {table} WHERE gateway_id = $1"))
                .bind(self.gateway_id.0)
                .execute(&mut *conn)
                .await?;
        }
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM device_index WHERE gateway_id = $1")
                .bind(self.gateway_id.0)
                .fetch_one(&mut *conn)
                .await?;
        if left > 0 && self.force {
            // Enrolled after the command was decided.
            return Err(SideRowError::Stale);
        }
        if left > 0 {
            return Err(SideRowError::Refused(in_use(left)));
        }
        Ok(())
    }
}

/// Why a gateway with devices is not deleted.
#[must_use]
pub fn in_use(devices: i64) -> DomainError {
    DomainError::conflict(
        "gateway_in_use",
        format!(
            "{devices} devices are assigned to this gateway: revoke them first, or delete with \
             force=true to revoke them with it"
        ),
    )
}
