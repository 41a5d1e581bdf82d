//! A client as it is shown: the fields of the contract, and those of version 14.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SecondsFormat, Utc};
use nexavpn_commands::{DeviceSecrets, Secret};
use nexavpn_domain::{
    StoredEvent as _,
    device::DeviceEvent,
    ids::{DeviceId, GatewayId},
};
use nexavpn_gateway_projector::reports::PeerTelemetry;
use nexavpn_projections::{
    owned_devices::{self, OwnedDevice},
    past,
};
use serde::Serialize;

use super::{
    WgEasy,
    drawing::{Configuration, Drawing},
    error::DialectError,
};
use crate::{consistency::Settled, error::ApiError, routes::views::TaughtKey};

/// A client in the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientView {
    id: DeviceId,
    name: String,
    enabled: bool,
    address: String,
    public_key: String,
    created_at: String,
    updated_at: String,
    expired_at: Option<String>,
    /// One-time links are not made here.
    one_time_link: Option<String>,
    one_time_link_expires_at: Option<String>,
    /// Whether the configuration holds the private key.
    downloadable_config: bool,
    /// In seconds, as text; `off` where there is none.
    persistent_keepalive: String,
    latest_handshake_at: Option<String>,
    /// Bytes received from the client.
    transfer_rx: i64,
    /// Bytes sent to the client.
    transfer_tx: i64,
    /// Where the client is stays with its gateway.
    endpoint: Option<String>,
}

/// A client by itself.
#[derive(Debug, Serialize)]
pub(super) struct WholeClient {
    /// For clients that look for it in every answer.
    success: bool,
    #[serde(flatten)]
    client: ClientView,
    #[serde(flatten)]
    configuration: Option<Configuration>,
}

/// A time with fractional seconds and a `Z`: some clients read no other.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl ClientView {
    fn new(
        device: OwnedDevice,
        keepalive: u16,
        peer: Option<&PeerTelemetry>,
        downloadable_config: bool,
    ) -> Self {
        let keepalive = Some(keepalive).filter(|seconds| *seconds > 0);
        Self {
            id: device.id,
            name: device.name.unwrap_or_default(),
            enabled: device.active,
            address: device.address_v4.to_string(),
            public_key: device.public_key.to_string(),
            created_at: time(device.created_at),
            updated_at: time(device.updated_at),
            expired_at: device.expires_at.map(time),
            one_time_link: None,
            one_time_link_expires_at: None,
            downloadable_config,
            persistent_keepalive: keepalive.map_or_else(|| "off".into(), |s| s.to_string()),
            latest_handshake_at: peer.and_then(|peer| peer.latest_handshake).map(time),
            transfer_rx: peer.map_or(0, |peer| peer.rx_bytes),
            transfer_tx: peer.map_or(0, |peer| peer.tx_bytes),
            endpoint: None,
        }
    }
}

impl WgEasy {
    /// A client of ours.
    pub(super) async fn device(&self, id: DeviceId) -> Result<OwnedDevice, DialectError> {
        let device = owned_devices::get(self.app.direct(), self.owner, id).await?;
        device.ok_or_else(DialectError::no_such_client)
    }

    /// All clients, the oldest first.
    pub(super) async fn all_clients(&self) -> Result<Vec<ClientView>, DialectError> {
        let devices = owned_devices::list(self.app.direct(), self.owner).await?;
        self.views(devices).await
    }

    async fn views(&self, devices: Vec<OwnedDevice>) -> Result<Vec<ClientView>, DialectError> {
        let ids: Vec<DeviceId> = devices.iter().map(|device| device.id).collect();
        let peers = self.app.reports.peers(&ids).await?;
        let kept: HashSet<DeviceId> = self.app.commands.with_kept_keys(&ids).await?;
        let keepalives: HashMap<GatewayId, u16> = self.app.fleet.read(|fleet| {
            let gateways = fleet.gateways();
            gateways.map(|(id, gateway)| (id, gateway.fields.persistent_keepalive)).collect()
        });
        let view = |device: OwnedDevice| {
            let keepalive = keepalives.get(&device.gateway_id).copied().unwrap_or_default();
            let (peer, kept) = (peers.get(&device.id), kept.contains(&device.id));
            ClientView::new(device, keepalive, peer, kept)
        };
        Ok(devices.into_iter().map(view).collect())
    }

    /// A client by itself, as it is after a change.
    pub(super) async fn whole(&self, id: DeviceId) -> Result<WholeClient, DialectError> {
        let client = self.one(self.device(id).await?).await?;
        Ok(WholeClient { success: true, client, configuration: None })
    }

    /// The same with its configuration.
    pub(super) async fn with_configuration(
        &self,
        id: DeviceId,
    ) -> Result<WholeClient, DialectError> {
        let device = self.device(id).await?;
        let configuration = self.configuration(&device).await?;
        let client = self.one(device).await?;
        let configuration = Some(Configuration::new(configuration)?);
        Ok(WholeClient { success: true, client, configuration })
    }

    /// A client that was just made. Nobody has reported anything of it, its keys are at hand, and its
    /// configuration may have been drawn.
    pub(super) async fn made(
        &self,
        settled: &mut Settled,
        id: DeviceId,
        secrets: &DeviceSecrets,
        drawing: Drawing,
    ) -> Result<WholeClient, DialectError> {
        let events = settled.just_appended(&self.app, (DeviceEvent::AGGREGATE_TYPE, id.0));
        let device = match past::new_device(&events) {
            Ok(Some(device)) => device,
            Ok(None) | Err(_) => {
                *settled = settled.readable(&self.app).await;
                self.device(id).await?
            }
        };
        let configuration = self.hand_out(&device, secrets).await?;
        let keepalive = self.app.fleet.read(|fleet| {
            let gateway = fleet.gateway(device.gateway_id);
            gateway.map_or(0, |gateway| gateway.fields.persistent_keepalive)
        });
        let client = ClientView::new(device, keepalive, None, secrets.private_key.is_some());
        let configuration = Some(drawing.of(configuration).await?);
        Ok(WholeClient { success: true, client, configuration })
    }

    async fn one(&self, device: OwnedDevice) -> Result<ClientView, DialectError> {
        let mut views = self.views(vec![device]).await?;
        views.pop().ok_or_else(DialectError::no_such_client)
    }

    /// The file for WireGuard, with the keys that are kept.
    pub(super) async fn configuration(&self, device: &OwnedDevice) -> Result<String, DialectError> {
        let commands = &self.app.commands;
        let secrets = commands.device_secrets(device.id, &device.public_key).await?;
        self.hand_out(device, &secrets).await
    }

    /// Renders the file, by which its client knows its gateway's key.
    async fn hand_out(
        &self,
        device: &OwnedDevice,
        secrets: &DeviceSecrets,
    ) -> Result<String, DialectError> {
        let DeviceSecrets { private_key, preshared_key } = secrets;
        let told = self.app.fleet.read(|fleet| {
            let gateway = fleet.gateway(fleet.device(device.id)?.gateway_id)?;
            let profile = fleet.client_profile(device.id)?;
            Some((TaughtKey::of(gateway, &profile), profile))
        });
        let (gateway_key, profile) = told.ok_or_else(|| {
            let message = "the client's configuration cannot be told just now: try again";
            ApiError::unavailable("not_yet_consistent", message, 1)
        })?;
        gateway_key.note(&self.app, device.id, false).await;
        let private_key = private_key.as_ref().map(Secret::expose);
        Ok(profile.render(private_key, preshared_key.as_ref().map(Secret::expose)))
    }
}
