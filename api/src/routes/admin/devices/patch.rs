//! `PATCH /admin/devices/{id}`

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use nexavpn_commands::DeviceChange;
use nexavpn_domain::ids::DeviceId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path, nullable},
    routes::{admin::entity::changed, views::DeviceView},
};

/// The request: what is left out stays; `expires_at: null` means never.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DevicePatch)]
pub(super) struct Patch {
    name: Option<String>,
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    expires_at: Option<Option<DateTime<Utc>>>,
}

/// Renames a device, lets it in or not, or sets its expiry date.
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
    let Patch { name, enabled, expires_at } = patch;
    let change = DeviceChange { name, enabled, expires_at };
    let done = app.commands.change_device(&caller.request, id, change).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, DeviceView::load(&app, id).await)
}
