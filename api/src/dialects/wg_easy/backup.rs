//! `GET /api/wireguard/backup`

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use nexavpn_commands::{DeviceSecrets, Secret};
use nexavpn_domain::ids::DeviceId;
use nexavpn_projections::owned_devices::{self, OwnedDevice};
use serde::Serialize;

use super::{WgEasy, error::DialectError, view::time};
use crate::error::ApiError;

/// Version 14's `wg0.json`.
#[derive(Serialize)]
struct Backup {
    server: Server,
    clients: BTreeMap<DeviceId, Client>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Server {
    /// Never leaves the gateway.
    private_key: &'static str,
    public_key: String,
    address: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    id: DeviceId,
    name: String,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<String>,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pre_shared_key: Option<String>,
    created_at: String,
    updated_at: String,
    expired_at: Option<String>,
    enabled: bool,
}

/// All clients with their keys, and the gateway of the oldest of them, or that of new ones where it
/// is configured.
pub(super) async fn handle(State(dialect): State<WgEasy>) -> Result<Response, DialectError> {
    let app = &dialect.app;
    let devices = owned_devices::list(app.direct(), dialect.owner).await?;
    let keys: Vec<_> = devices.iter().map(|device| (device.id, &device.public_key)).collect();
    let mut secrets = app.commands.secrets_of_devices(&keys).await?;
    let gateway = dialect.gateway.or_else(|| devices.first().map(|device| device.gateway_id));
    let server = app.fleet.read(|fleet| {
        let gateway = gateway.and_then(|id| fleet.gateway(id));
        Server {
            private_key: "",
            public_key: gateway
                .and_then(|gateway| gateway.keys.in_force())
                .map(ToString::to_string)
                .unwrap_or_default(),
            address: gateway.map(|g| g.addresses().v4.to_string()).unwrap_or_default(),
        }
    });
    let client = |device: OwnedDevice| {
        let secrets = secrets.remove(&device.id).unwrap_or_default();
        (device.id, Client::new(device, secrets))
    };
    let backup = Backup { server, clients: devices.into_iter().map(client).collect() };
    let text = serde_json::to_string_pretty(&backup).map_err(|e| ApiError::internal(&e))?;
    let headers = [
        (header::CONTENT_TYPE, "text/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"wg0.json\""),
    ];
    Ok((headers, text).into_response())
}

impl Client {
    fn new(device: OwnedDevice, secrets: DeviceSecrets) -> Self {
        let expose = |key: Option<Secret>| key.map(|key| key.expose().to_owned());
        Self {
            id: device.id,
            name: device.name.unwrap_or_default(),
            address: device.address_v4.to_string(),
            private_key: expose(secrets.private_key),
            public_key: device.public_key.to_string(),
            pre_shared_key: expose(secrets.preshared_key),
            created_at: time(device.created_at),
            updated_at: time(device.updated_at),
            expired_at: device.expires_at.map(time),
            enabled: device.active,
        }
    }
}
