//! `GET /me/devices/{id}` and `PATCH /me/devices/{id}`

use axum::{extract::State, response::Response};
use nexavpn_commands::{DeviceChange, Whose};
use nexavpn_domain::ids::DeviceId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::{
        admin::entity,
        devices::{changed_device, own_active},
        views::DeviceView,
    },
};

/// The request: what is left out stays. Anything else about a device is for admins.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OwnDevicePatch)]
pub(super) struct Patch {
    name: Option<String>,
    platform: Option<String>,
}

/// One of one's own devices that was not revoked.
#[utoipa::path(
    get,
    path = "/me/devices/{id}",
    operation_id = "me_device",
    tag = "me",
    responses((status = 200, description = "The device.", body = DeviceView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response, ApiError> {
    let id = own_active(&app, caller.user()?.user_id, id)?;
    Ok(entity(&DeviceView::load(&app, id).await?))
}

/// Gives one of one's own devices another name or platform.
#[utoipa::path(
    patch,
    path = "/me/devices/{id}",
    operation_id = "me_change_device",
    tag = "me",
    request_body = Patch,
    responses((status = 200, description = "The device as it is now.", body = DeviceView)),
)]
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Json(patch): Json<Patch>,
) -> Result<Response, ApiError> {
    let whose = Whose::Of(caller.user()?.user_id);
    let Patch { name, platform } = patch;
    let change = DeviceChange { name, platform, ..DeviceChange::default() };
    let done = app.commands.change_device(&caller.request, whose, id, change).await?;
    changed_device(&app, &caller, id, done.position).await
}
