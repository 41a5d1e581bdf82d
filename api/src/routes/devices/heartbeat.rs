//! `POST /devices/{id}/heartbeat`

use axum::extract::State;
use chrono::{DateTime, Utc};
use nexavpn_domain::ids::DeviceId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::views::DeviceView,
};

/// The request; every field may be left out.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Heartbeat {
    app_version: Option<String>,
    /// The revision that the client has, so that it learns of a newer one.
    profile_revision: Option<i64>,
}

/// What the client should know.
#[derive(Serialize, ToSchema)]
pub(super) struct Beat {
    device: DeviceView,
    server_time: DateTime<Utc>,
    /// Whether the client should fetch its profile again.
    profile_outdated: bool,
}

/// Notes that the client is there.
#[utoipa::path(
    post,
    path = "/devices/{id}/heartbeat",
    operation_id = "clients_heartbeat",
    tag = "clients",
    request_body = Heartbeat,
    responses((status = 200, description = "What the client should know.", body = Beat)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Json(beat): Json<Heartbeat>,
) -> Result<axum::Json<Beat>, ApiError> {
    caller.owns(app.commands.device_owner(id).await?, "device")?;
    let version = beat.app_version.as_deref().map(nexavpn_domain::values::label).transpose();
    let version = version.map_err(|why| ApiError::field("app_version", why))?;
    let now = app.commands.now();
    app.reports.record_heartbeat(id, now, version.as_deref()).await?;
    let device = DeviceView::load(&app, id).await?;
    let profile_outdated = device.is_outdated(beat.profile_revision);
    Ok(axum::Json(Beat { device, server_time: now, profile_outdated }))
}
