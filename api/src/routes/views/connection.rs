//! `GET /connection/status`.

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    fleet::DeviceStatus,
    ids::{DeviceId, GatewayId},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::enrolment::ResourceView;
use crate::{App, error::ApiError};

/// How a device is connected and what it may reach.
#[derive(Serialize, ToSchema)]
#[schema(as = Connection)]
pub(crate) struct ConnectionView {
    device_id: DeviceId,
    #[schema(value_type = DeviceStatus)]
    status: &'static str,
    assigned_ip: String,
    assigned_ipv6: Option<String>,
    gateway_id: GatewayId,
    /// When the gateway last said that it enforces the newest bundle or an older one.
    last_sync_at: Option<DateTime<Utc>>,
    latest_handshake_at: Option<DateTime<Utc>>,
    profile_revision: i64,
    reprovision_required: bool,
    /// Whether the client should fetch its profile again, by the revision that it said it has, or
    /// needs a new key.
    profile_outdated: bool,
    resources: Vec<ResourceView>,
}

impl ConnectionView {
    /// Reads it; 404 for an unknown device.
    pub(crate) async fn load(
        app: &App,
        id: DeviceId,
        revision: Option<i64>,
    ) -> Result<Self, ApiError> {
        let peer = app.reports.peers(&[id]).await?.remove(&id);
        let mut view = app
            .fleet
            .read(|fleet| {
                let device = fleet.device(id)?;
                let compiled = device.peer().map(|p| std::sync::Arc::clone(&p.compiled));
                let resources = compiled.as_ref().map_or(&[][..], |c| c.resources());
                Some(Self {
                    device_id: id,
                    status: device.status().as_str(),
                    assigned_ip: format!("{}/32", device.addresses.v4),
                    assigned_ipv6: device.addresses.v6.map(|ip| format!("{ip}/128")),
                    gateway_id: device.gateway_id,
                    last_sync_at: None,
                    latest_handshake_at: peer.as_ref().and_then(|p| p.latest_handshake),
                    profile_revision: device.profile_revision,
                    reprovision_required: device.reprovision_required(),
                    profile_outdated: device.is_outdated(revision),
                    resources: resources.iter().map(ResourceView::from).collect(),
                })
            })
            .ok_or_else(|| ApiError::not_found("device"))?;
        let reports = app.reports.gateways(&[view.gateway_id], app.commands.now()).await?;
        view.last_sync_at = reports.get(&view.gateway_id).and_then(|r| r.last_report_at);
        Ok(view)
    }
}
