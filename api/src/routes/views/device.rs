//! A device as lists and entity answers show it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    fleet::{DeviceStatus, Fleet},
    ids::{DeviceId, GatewayId, UserId},
};
use nexavpn_projections::devices::DeviceRow;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, error::ApiError};

/// A device.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Device)]
pub(crate) struct DeviceView {
    id: DeviceId,
    pub(crate) user_id: UserId,
    username: Option<String>,
    name: Option<String>,
    platform: String,
    os_version: Option<String>,
    app_version: Option<String>,
    #[schema(value_type = DeviceStatus)]
    status: String,
    public_key: String,
    assigned_ip: String,
    assigned_ipv6: Option<String>,
    gateway_id: GatewayId,
    gateway_name: Option<String>,
    profile_revision: i64,
    reprovision_required: bool,
    /// Whether client and gateway use a preshared key besides.
    has_preshared_key: bool,
    rotation_deadline: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    last_seen_at: Option<DateTime<Utc>>,
    latest_handshake_at: Option<DateTime<Utc>>,
    rx_bytes: Option<i64>,
    tx_bytes: Option<i64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[serde(skip)]
    pub(crate) version: i64,
}

impl DeviceView {
    /// One device; 404 for an unknown one. Revoked ones are shown.
    pub(crate) async fn load(app: &App, id: DeviceId) -> Result<Self, ApiError> {
        let row = nexavpn_projections::devices::get(app.direct(), id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("device"))?;
        let mut views = Self::all(app, vec![row]).await?;
        views.pop().ok_or_else(|| ApiError::not_found("device"))
    }

    /// Adds to rows what the fleet and the reports know.
    pub(crate) async fn all(app: &App, rows: Vec<DeviceRow>) -> Result<Vec<Self>, ApiError> {
        let ids: Vec<DeviceId> = rows.iter().map(|r| r.id).collect();
        let mut seen = app.reports.last_seen(&ids).await?;
        let mut peers = app.reports.peers(&ids).await?;
        // The fleet's lock is held for the look only.
        let facts: HashMap<DeviceId, (i64, bool)> = app.fleet.read(|fleet| {
            let fact = |id: &DeviceId| {
                let device = fleet.device(*id)?;
                Some((*id, (device.profile_revision, device.psk_ref.is_some())))
            };
            ids.iter().filter_map(fact).collect()
        });
        let view = |row: DeviceRow| {
            let peer = peers.remove(&row.id);
            let seen = seen.remove(&row.id);
            let handshake = peer.as_ref().and_then(|p| p.latest_handshake);
            let known = Self::new(row, &facts);
            Self {
                app_version: seen
                    .as_ref()
                    .and_then(|s| s.app_version.clone())
                    .or(known.app_version),
                last_seen_at: seen.map(|s| s.last_seen_at).max(handshake),
                latest_handshake_at: handshake,
                rx_bytes: peer.as_ref().map(|p| p.rx_bytes),
                tx_bytes: peer.as_ref().map(|p| p.tx_bytes),
                ..known
            }
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Devices as they were where the fleet is. What they and their gateways report is not kept, so
    /// nothing of it is shown.
    pub(crate) async fn past(
        app: &App,
        fleet: &Fleet,
        ids: &[DeviceId],
    ) -> Result<Vec<Self>, ApiError> {
        let log = app.commands.store().log();
        let mut rows = nexavpn_projections::past::devices(&log, fleet, ids).await?;
        let fact = |id: &DeviceId| {
            let device = fleet.device(*id)?;
            Some((*id, (device.profile_revision, device.psk_ref.is_some())))
        };
        let facts = ids.iter().filter_map(fact).collect();
        let rows = ids.iter().filter_map(|id| rows.remove(id));
        Ok(rows.map(|row| Self::new(row, &facts)).collect())
    }

    fn new(row: DeviceRow, facts: &HashMap<DeviceId, (i64, bool)>) -> Self {
        let (profile_revision, has_preshared_key) =
            facts.get(&row.id).copied().unwrap_or((1, false));
        Self {
            profile_revision,
            has_preshared_key,
            reprovision_required: row.reprovision_required(),
            status: row.status,
            id: row.id,
            user_id: row.owner_id,
            username: row.owner_username,
            gateway_name: row.gateway_name,
            name: row.name,
            platform: row.platform,
            os_version: row.os_version,
            app_version: row.app_version,
            public_key: row.public_key.to_string(),
            assigned_ip: format!("{}/32", row.address_v4),
            assigned_ipv6: row.address_v6.map(|ip| format!("{ip}/128")),
            gateway_id: row.gateway_id,
            rotation_deadline: row.rotation_deadline,
            expires_at: row.expires_at,
            last_seen_at: None,
            latest_handshake_at: None,
            rx_bytes: None,
            tx_bytes: None,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }

    /// Whether a client with this revision should fetch its profile again.
    pub(crate) fn is_outdated(&self, revision: Option<i64>) -> bool {
        self.reprovision_required || revision.is_some_and(|r| r != self.profile_revision)
    }
}
