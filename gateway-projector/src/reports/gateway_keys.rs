//! Which devices have fetched a gateway's next key with their profile.

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    ids::{DeviceId, GatewayId},
    values::PublicKey,
};

use super::{ReportError, Reports};

impl Reports {
    /// Notes that a device's client has fetched a profile with this key of its gateway. The first
    /// time counts.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn record_gateway_key(
        &self,
        id: DeviceId,
        key: &PublicKey,
        now: DateTime<Utc>,
    ) -> Result<(), ReportError> {
        // Nothing is written, nor locked, where it is known already: no row is right too.
        sqlx::query(
            "WITH telemetry AS (SELECT set_config('synchronous_commit', 'off', true))
             INSERT INTO device_gateway_key AS old (device_id, public_key, fetched_at)
             SELECT $1, $2, $3 FROM telemetry
             WHERE NOT EXISTS (SELECT FROM device_gateway_key k
                               WHERE k.device_id = $1 AND k.public_key = $2)
             ON CONFLICT (device_id) DO UPDATE SET
                 public_key = excluded.public_key, fetched_at = excluded.fetched_at
             WHERE old.public_key <> excluded.public_key",
        )
        .bind(id.0)
        .bind(key.to_string())
        .bind(now)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// How many devices of a gateway have not fetched a profile with this key.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn devices_without_key(
        &self,
        id: GatewayId,
        key: &PublicKey,
    ) -> Result<i64, ReportError> {
        let left = sqlx::query_scalar(
            "SELECT count(*) FROM device_index d
             WHERE d.gateway_id = $1
               AND NOT EXISTS (SELECT FROM device_gateway_key k
                               WHERE k.device_id = d.device_id AND k.public_key = $2)",
        )
        .bind(id.0)
        .bind(key.to_string())
        .fetch_one(self.pool())
        .await?;
        Ok(left)
    }
}
