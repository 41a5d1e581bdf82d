//! The drain of a gateway: its devices are moved elsewhere.

pub(super) mod end;
pub(super) mod get;
pub(super) mod start;

use chrono::{DateTime, Utc};
use nexavpn_commands::DrainProgress;
use nexavpn_domain::{DomainError, ids::GatewayId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, error::ApiError};

/// How far a drain has come.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Drain)]
pub(super) struct DrainView {
    gateway_id: GatewayId,
    /// Where the devices go; null where each goes to the gateway with the fewest devices.
    target: Option<GatewayId>,
    started_at: DateTime<Utc>,
    status: DrainStatus,
    /// How many devices are still to be moved.
    devices_left: i64,
    /// Where it is stuck: why. It is tried again every ten seconds.
    error: Option<DrainError>,
}

/// Where a drain stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DrainStatus)]
enum DrainStatus {
    /// Devices are being moved.
    Draining,
    /// No device is left. The gateway gets none until the drain is ended.
    Drained,
    /// Devices are left that cannot be moved.
    Stuck,
}

/// Why devices cannot be moved.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = DrainError)]
struct DrainError {
    /// Stable: `pool_exhausted`, `no_gateway`, …
    code: String,
    message: String,
    /// When they were last tried.
    at: DateTime<Utc>,
}

impl DrainView {
    pub(super) fn new(id: GatewayId, progress: DrainProgress) -> Self {
        let failure = progress.failure.filter(|_| progress.devices_left > 0);
        let status = match (progress.devices_left, &failure) {
            (..=0, _) => DrainStatus::Drained,
            (_, Some(_)) => DrainStatus::Stuck,
            (_, None) => DrainStatus::Draining,
        };
        Self {
            gateway_id: id,
            target: progress.target,
            started_at: progress.started_at,
            status,
            devices_left: progress.devices_left,
            error: failure.map(|f| DrainError { code: f.code, message: f.message, at: f.at }),
        }
    }

    /// 404 where the gateway is not drained.
    async fn load(app: &App, id: GatewayId) -> Result<Self, ApiError> {
        let progress = app.commands.drains(&[id]).await?.remove(&id);
        let progress = progress.ok_or_else(|| DomainError::not_found("drain"))?;
        Ok(Self::new(id, progress))
    }
}
