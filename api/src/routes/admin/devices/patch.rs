//! `PATCH /admin/devices/{id}`

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use nexavpn_commands::{DeviceChange, Whose};
use nexavpn_domain::ids::{DeviceId, GatewayId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path, nullable},
    routes::{admin::entity::changed, views::DeviceView},
};

/// The request: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DevicePatch)]
pub(super) struct Patch {
    name: Option<String>,
    platform: Option<String>,
    enabled: Option<bool>,
    /// Another owner. Policies apply to the device as the new owner's from now on, and sessions
    /// that were bound to it end.
    user_id: Option<UserId>,
    /// Another gateway. Its place at the old one rests for a while, and the client needs the new
    /// profile.
    gateway_id: Option<GatewayId>,
    /// Another free address of the pool of its gateway, or of the one it comes to. The old one
    /// rests for a while.
    assigned_ip: Option<String>,
    /// When it stops being a peer; null means never.
    #[serde(default, deserialize_with = "nullable")]
    expires_at: Option<Option<DateTime<Utc>>>,
}

/// Renames a device, lets it in or not, sets its expiry date, gives it another owner, gateway or
/// address.
#[utoipa::path(
    patch,
    path = "/admin/devices/{id}",
    operation_id = "devices_change",
    tag = "devices",
    request_body = Patch,
    responses((status = 200, description = "The device as it is now.", body = DeviceView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Json(patch): Json<Patch>,
) -> Result<Response, ApiError> {
    let Patch { name, platform, enabled, user_id, gateway_id, assigned_ip, expires_at } = patch;
    let (owner, gateway, address) = (user_id, gateway_id, assigned_ip);
    let change = DeviceChange { name, platform, owner, gateway, address, enabled, expires_at };
    let done = app.commands.change_device(&caller.request, Whose::Anybodys, id, change).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, DeviceView::load(&app, id).await)
}
