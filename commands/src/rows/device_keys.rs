//! The secret halves of devices' keys, sealed. They go with the device.

use async_trait::async_trait;
use nexavpn_domain::{ids::DeviceId, values::PskRef};
use nexavpn_store::{SideRow, SideRowError, same_type};
use sqlx::PgConnection;

/// Keeps the preshared key of a device, or none any more.
pub struct KeepPresharedKey {
    /// Whose.
    pub device_id: DeviceId,
    /// What names it, and the key, sealed.
    pub kept: Option<(PskRef, Vec<u8>)>,
}

#[async_trait]
impl SideRow for KeepPresharedKey {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        self.write_all(&[], conn).await
    }

    async fn write_all(
        &self,
        more: &[&dyn SideRow],
        conn: &mut PgConnection,
    ) -> Result<(), SideRowError> {
        let rows = same_type(self, more)?;
        let psk_ref = |k: &&Self| k.kept.as_ref().map(|(psk_ref, _)| psk_ref.to_string());
        sqlx::query(
            "WITH k AS (
                 SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS k (id, ref, sealed)
             ), gone AS (
                 DELETE FROM device_preshared_key p USING k
                 WHERE p.device_id = k.id AND k.ref IS NULL
             )
             INSERT INTO device_preshared_key (device_id, psk_ref, sealed)
             SELECT k.id, k.ref, k.sealed FROM k WHERE k.ref IS NOT NULL
             ON CONFLICT ON CONSTRAINT device_preshared_key_pkey
             DO UPDATE SET psk_ref = excluded.psk_ref, sealed = excluded.sealed",
        )
        .bind(rows.iter().map(|k| k.device_id.0).collect::<Vec<_>>())
        .bind(rows.iter().map(psk_ref).collect::<Vec<_>>())
        .bind(rows.iter().map(|k| k.kept.as_ref().map(|(_, s)| s.as_slice())).collect::<Vec<_>>())
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Keeps the private key of a device, in place of the one before.
pub struct KeepPrivateKey {
    /// Whose.
    pub device_id: DeviceId,
    /// The key, sealed.
    pub sealed: Vec<u8>,
}

#[async_trait]
impl SideRow for KeepPrivateKey {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        self.write_all(&[], conn).await
    }

    async fn write_all(
        &self,
        more: &[&dyn SideRow],
        conn: &mut PgConnection,
    ) -> Result<(), SideRowError> {
        let rows = same_type(self, more)?;
        sqlx::query(
            "INSERT INTO device_private_key (device_id, sealed)
             SELECT * FROM unnest($1::uuid[], $2::bytea[])
             ON CONFLICT ON CONSTRAINT device_private_key_pkey
             DO UPDATE SET sealed = excluded.sealed",
        )
        .bind(rows.iter().map(|k| k.device_id.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|k| k.sealed.as_slice()).collect::<Vec<_>>())
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Keeps the private key of a device no more, where it was kept.
pub struct DropPrivateKey(pub DeviceId);

#[async_trait]
impl SideRow for DropPrivateKey {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        sqlx::query("DELETE FROM device_private_key WHERE device_id = $1")
            .bind(self.0.0)
            .execute(conn)
            .await?;
        Ok(())
    }
}
