//! Devices that are not revoked.

use async_trait::async_trait;
use nexavpn_domain::{
    DomainError,
    ids::{DeviceId, GatewayId, UserId},
};
use nexavpn_store::{SideRow, SideRowError};
use sqlx::PgConnection;

use super::one;

/// Counts a device to its owner and gateway, as long as the owner may have another one.
pub struct IndexDevice {
    /// Which.
    pub device_id: DeviceId,
    /// Whose.
    pub user_id: UserId,
    /// Where.
    pub gateway_id: GatewayId,
    /// The HMAC of the client's mark of the machine.
    pub fingerprint_hmac: Option<String>,
    /// How many devices the owner may have at once.
    pub limit: u32,
}

#[async_trait]
impl SideRow for IndexDevice {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        // Locking the account puts two enrolments of one user in a row, so that both count. A
        // disabled or deleted owner cannot enrol.
        let enabled: Option<bool> =
            sqlx::query_scalar("SELECT enabled FROM account WHERE user_id = $1 FOR UPDATE")
                .bind(self.user_id.0)
                .fetch_optional(&mut *conn)
                .await?;
        match enabled {
            None => return Err(SideRowError::Refused(DomainError::not_found("user"))),
            Some(false) => {
                let why = "the user is disabled: enable the user first";
                return Err(SideRowError::Refused(DomainError::conflict("user_disabled", why)));
            }
            Some(true) => {}
        }
        self.keep_gateway(conn).await?;
        let done = sqlx::query(
            "INSERT INTO device_index (device_id, user_id, gateway_id, fingerprint_hmac)
             SELECT $1, $2, $3, $4
             WHERE (SELECT count(*) FROM device_index WHERE user_id = $2) < $5",
        )
        .bind(self.device_id.0)
        .bind(self.user_id.0)
        .bind(self.gateway_id.0)
        .bind(&self.fingerprint_hmac)
        .bind(i64::from(self.limit))
        .execute(conn)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        Err(SideRowError::Refused(DomainError::conflict(
            "device_limit",
            format!("the user has {} devices already: revoke one first", self.limit),
        )))
    }
}

impl IndexDevice {
    /// Keeps the gateway from being deleted until the commit: its deletion looks for devices only
    /// after it has given up the name, which waits for this lock.
    async fn keep_gateway(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        // The row of a gateway that is being renamed goes while we wait for it, and another look
        // finds the new one.
        for _ in 0..2 {
            let locked = sqlx::query(
                "SELECT FROM claims WHERE kind = 'gateway_name' AND aggregate_id = $1
                 FOR KEY SHARE",
            )
            .bind(self.gateway_id.0.to_string())
            .fetch_optional(&mut *conn)
            .await?;
            if locked.is_some() {
                return Ok(());
            }
        }
        Err(SideRowError::Refused(DomainError::not_found("gateway")))
    }
}

/// Counts a device no more.
pub struct UnindexDevice(pub DeviceId);

#[async_trait]
impl SideRow for UnindexDevice {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        let done = sqlx::query("DELETE FROM device_index WHERE device_id = $1")
            .bind(self.0.0)
            .execute(conn)
            .await?;
        one(&done, "device")
    }
}
