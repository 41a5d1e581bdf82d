//! Private keys that are kept, sealed, because a dialect serves the device's configuration again.
//! They go with the device, with another key for it, and when it becomes somebody else's.

use std::collections::{HashMap, HashSet};

use nexavpn_domain::{
    ids::DeviceId,
    values::{PskRef, PublicKey},
};
use nexavpn_store::WrappedKey;
use uuid::Uuid;

use super::preshared;
use crate::{
    CommandError, Commands, Secret,
    rows::{DropPrivateKey, KeepPrivateKey},
    transact::Plan,
};

/// The keys in a device's configuration that nobody else may know, in base64.
#[derive(Debug, Clone, Default)]
pub struct DeviceSecrets {
    /// The private key, where it is kept.
    pub private_key: Option<Secret>,
    /// The preshared key, where the device has one.
    pub preshared_key: Option<Secret>,
}

impl Commands {
    /// Plans that the private key of a device is kept until the device has another public key than
    /// this one.
    pub(crate) async fn plan_kept_key<T>(
        &self,
        plan: &mut Plan<T>,
        id: DeviceId,
        public_key: &PublicKey,
        private_key: &Secret,
    ) -> Result<(), CommandError> {
        let sealer = self.private_key_sealer().await?;
        let sealed = sealer.seal(&context(id, public_key), private_key.expose().as_bytes());
        let sealed = sealed.map_err(|e| CommandError::Store(e.into()))?;
        plan.row(KeepPrivateKey { device_id: id, sealed });
        Ok(())
    }

    /// Plans what becomes of the kept private key of a device that gets another key.
    pub(super) async fn plan_next_key<T>(
        &self,
        plan: &mut Plan<T>,
        id: DeviceId,
        next: &super::input::KeyPair,
    ) -> Result<(), CommandError> {
        match next.to_keep() {
            Some(private_key) => self.plan_kept_key(plan, id, &next.public, private_key).await,
            None => {
                plan.row(DropPrivateKey(id));
                Ok(())
            }
        }
    }

    /// The secrets of a device that has this public key; nothing where it has another one, or none
    /// is kept.
    ///
    /// # Errors
    /// Where the database fails, or the sealing key was wrapped by another master key.
    pub async fn device_secrets(
        &self,
        id: DeviceId,
        public_key: &PublicKey,
    ) -> Result<DeviceSecrets, CommandError> {
        let mut secrets = self.secrets_of_devices(&[(id, public_key)]).await?;
        Ok(secrets.remove(&id).unwrap_or_default())
    }

    /// The same of many devices.
    ///
    /// # Errors
    /// As [`device_secrets`](Self::device_secrets).
    pub async fn secrets_of_devices(
        &self,
        devices: &[(DeviceId, &PublicKey)],
    ) -> Result<HashMap<DeviceId, DeviceSecrets>, CommandError> {
        type Row = (Uuid, Option<Vec<u8>>, Option<String>, Option<Vec<u8>>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT d.device_id, p.sealed, s.psk_ref, s.sealed FROM device_index d
             LEFT JOIN device_private_key p USING (device_id)
             LEFT JOIN device_preshared_key s USING (device_id)
             WHERE d.device_id = ANY ($1)",
        )
        .bind(devices.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        let public_keys: HashMap<DeviceId, &PublicKey> = devices.iter().copied().collect();
        let private_keys = self.private_key_sealer().await?;
        let preshared_keys = self.preshared_key_sealer().await?;
        let opened = |(id, private, psk_ref, preshared): Row| {
            let id = DeviceId(id);
            let context = context(id, public_keys.get(&id)?);
            let private_key = private.and_then(|sealed| private_keys.open(&context, &sealed));
            let psk_ref = psk_ref.and_then(|r| PskRef::try_from(r).ok());
            let secrets = DeviceSecrets {
                private_key: private_key.and_then(|k| String::from_utf8(k).ok()).map(Secret::new),
                preshared_key: psk_ref
                    .zip(preshared)
                    .and_then(|(r, sealed)| preshared::open(&preshared_keys, id, r, &sealed)),
            };
            Some((id, secrets))
        };
        Ok(rows.into_iter().filter_map(opened).collect())
    }

    /// Those of these devices whose private key is kept.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn with_kept_keys(
        &self,
        devices: &[DeviceId],
    ) -> Result<HashSet<DeviceId>, CommandError> {
        let kept: Vec<Uuid> = sqlx::query_scalar(
            "SELECT device_id FROM device_private_key WHERE device_id = ANY ($1)",
        )
        .bind(devices.iter().map(|id| id.0).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        Ok(kept.into_iter().map(DeviceId).collect())
    }

    async fn private_key_sealer(&self) -> Result<WrappedKey, CommandError> {
        let sealer = self.store.keyring().private_key_sealer().await;
        sealer.map_err(|e| CommandError::Store(e.into()))
    }
}

/// Bound to the public key: what is left of a key that was replaced opens no more.
fn context(id: DeviceId, public_key: &PublicKey) -> String {
    format!("private_key {id} {public_key}")
}
