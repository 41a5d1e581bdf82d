//! The secret halves of devices' keys, sealed. They go with the device.

use async_trait::async_trait;
use nexavpn_domain::{ids::DeviceId, values::PskRef};
use nexavpn_store::{Demand, JoinedRow, SideRow, SideRowError, same_type};
use sqlx::{PgConnection, Postgres, QueryBuilder};

/// Keeps the preshared key of a device, or none any more.
pub struct KeepPresharedKey {
    /// Whose.
    pub device_id: DeviceId,
    /// What names it, and the key, sealed.
    pub kept: Option<(PskRef, Vec<u8>)>,
}

impl JoinedRow for KeepPresharedKey {
    fn join<'a>(
        &'a self,
        more: &[&'a dyn SideRow],
        sql: &mut QueryBuilder<'a, Postgres>,
    ) -> Result<Demand, SideRowError> {
        let rows = same_type(self, more)?;
        let (gone, kept): (Vec<&Self>, Vec<&Self>) =
            rows.into_iter().partition(|row| row.kept.is_none());
        let kept = || kept.iter().filter_map(|row| Some((row.device_id.0, row.kept.as_ref()?)));
        if !gone.is_empty() {
            sql.push(", psk_gone AS (DELETE FROM device_preshared_key WHERE device_id = ANY (")
                .push_bind(gone.iter().map(|row| row.device_id.0).collect::<Vec<_>>())
                .push("))");
        }
        sql.push(
            ", psk_kept AS (INSERT INTO device_preshared_key (device_id, psk_ref, sealed) \
             SELECT * FROM unnest(",
        );
        sql.push_bind(kept().map(|(id, _)| id).collect::<Vec<_>>())
            .push("::uuid[], ")
            .push_bind(kept().map(|(_, (psk_ref, _))| psk_ref.to_string()).collect::<Vec<_>>())
            .push("::text[], ")
            .push_bind(kept().map(|(_, (_, sealed))| &sealed[..]).collect::<Vec<_>>())
            .push(
                "::bytea[]) ON CONFLICT ON CONSTRAINT device_preshared_key_pkey \
                 DO UPDATE SET psk_ref = excluded.psk_ref, sealed = excluded.sealed RETURNING 1)",
            );
        Ok(Demand { member: "psk_kept", rows: kept().count() })
    }
}

/// Keeps the private key of a device, in place of the one before.
pub struct KeepPrivateKey {
    /// Whose.
    pub device_id: DeviceId,
    /// The key, sealed.
    pub sealed: Vec<u8>,
}

impl JoinedRow for KeepPrivateKey {
    fn join<'a>(
        &'a self,
        more: &[&'a dyn SideRow],
        sql: &mut QueryBuilder<'a, Postgres>,
    ) -> Result<Demand, SideRowError> {
        let rows = same_type(self, more)?;
        sql.push(
            ", private_keys AS (INSERT INTO device_private_key (device_id, sealed) \
             SELECT * FROM unnest(",
        )
        .push_bind(rows.iter().map(|k| k.device_id.0).collect::<Vec<_>>())
        .push("::uuid[], ")
        .push_bind(rows.iter().map(|k| k.sealed.as_slice()).collect::<Vec<_>>())
        .push(
            "::bytea[]) ON CONFLICT ON CONSTRAINT device_private_key_pkey \
             DO UPDATE SET sealed = excluded.sealed RETURNING 1)",
        );
        Ok(Demand { member: "private_keys", rows: rows.len() })
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
