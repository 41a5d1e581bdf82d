//! Preshared keys: made together with a device's key where its gateway wants them, shown once, and
//! kept sealed for that gateway.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use nexavpn_domain::{
    device::{Device, DeviceCommand},
    ids::{DeviceId, GatewayId},
    values::PskRef,
};
use nexavpn_store::WrappedKey;
use uuid::Uuid;

use super::Enrolled;
use crate::{CommandError, Commands, Secret, rows::KeepPresharedKey, transact::Plan};

impl Commands {
    /// Plans that a device, which gets a key, gets a preshared key besides; or none, where its
    /// gateway wants none any more. A key that is not new may come from a client that has missed
    /// the answer before: it gets another preshared key too.
    pub(super) async fn plan_preshared_key(
        &self,
        plan: &mut Plan<Enrolled>,
        id: DeviceId,
        before: Option<PskRef>,
        wanted: bool,
    ) -> Result<DeviceCommand, CommandError> {
        let mut kept = None;
        if wanted {
            let mut key = [0; 32];
            self.random.fill(&mut key);
            let psk_ref = PskRef::of(&key);
            let sealer = self.preshared_key_sealer().await?;
            let sealed = sealer.seal(&context(id, psk_ref), &key);
            kept = Some((psk_ref, sealed.map_err(|e| CommandError::Store(e.into()))?));
            plan.value_mut().preshared_key = Some(Secret::new(STANDARD.encode(key)));
        }
        let psk_ref = kept.as_ref().map(|(psk_ref, _)| *psk_ref);
        if psk_ref != before {
            plan.row(KeepPresharedKey { device_id: id, kept });
        }
        Ok(DeviceCommand::SetPresharedKey(psk_ref))
    }

    /// The same for a device that exists.
    pub(super) async fn renew_preshared_key(
        &self,
        plan: &mut Plan<Enrolled>,
        id: DeviceId,
        device: &Device,
    ) -> Result<DeviceCommand, CommandError> {
        let gateway = match device.gateway_id().filter(|_| device.exists()) {
            Some(gateway) => Some(self.gateway(gateway).await?),
            None => None,
        };
        let fields = gateway.as_ref().and_then(|gateway| gateway.fields());
        let wanted = fields.is_some_and(|fields| fields.preshared_keys);
        self.plan_preshared_key(plan, id, device.psk_ref(), wanted).await
    }

    /// Plans that a new device has this preshared key, which its client has already.
    pub(crate) async fn plan_given_preshared_key<T>(
        &self,
        plan: &mut Plan<T>,
        id: DeviceId,
        key: &[u8; 32],
    ) -> Result<PskRef, CommandError> {
        let psk_ref = PskRef::of(key);
        let sealer = self.preshared_key_sealer().await?;
        let sealed = sealer.seal(&context(id, psk_ref), key);
        let sealed = sealed.map_err(|e| CommandError::Store(e.into()))?;
        plan.row(KeepPresharedKey { device_id: id, kept: Some((psk_ref, sealed)) });
        Ok(psk_ref)
    }

    /// The preshared keys of a gateway's devices in base64, by what names them in its bundle.
    ///
    /// # Errors
    /// Where the database fails, or a key was not sealed by this installation.
    pub async fn preshared_keys(
        &self,
        gateway: GatewayId,
    ) -> Result<BTreeMap<String, String>, CommandError> {
        let rows: Vec<(Uuid, String, Vec<u8>)> = sqlx::query_as(
            "SELECT k.device_id, k.psk_ref, k.sealed
             FROM device_preshared_key k JOIN device_index d USING (device_id)
             WHERE d.gateway_id = $1",
        )
        .bind(gateway.0)
        .fetch_all(&self.pool)
        .await?;
        if rows.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sealer = self.preshared_key_sealer().await?;
        let mut keys = BTreeMap::new();
        for (device, psk_ref, sealed) in rows {
            let reference = PskRef::try_from(psk_ref.clone()).ok();
            let key = reference.and_then(|r| open(&sealer, DeviceId(device), r, &sealed));
            match key {
                Some(key) => keys.insert(psk_ref, key.expose().to_owned()),
                // The others are needed all the same.
                None => {
                    tracing::error!(%device, "its preshared key cannot be opened: give it a new key");
                    None
                }
            };
        }
        Ok(keys)
    }

    pub(super) async fn preshared_key_sealer(&self) -> Result<WrappedKey, CommandError> {
        let sealer = self.store.keyring().preshared_key_sealer().await;
        sealer.map_err(|e| CommandError::Store(e.into()))
    }
}

/// A kept key in base64; none where it was sealed elsewhere, or is another one.
pub(super) fn open(
    sealer: &WrappedKey,
    id: DeviceId,
    psk_ref: PskRef,
    sealed: &[u8],
) -> Option<Secret> {
    sealer.open(&context(id, psk_ref), sealed).map(|key| Secret::new(STANDARD.encode(key)))
}

fn context(id: DeviceId, psk_ref: PskRef) -> String {
    format!("preshared_key {id} {psk_ref}")
}
