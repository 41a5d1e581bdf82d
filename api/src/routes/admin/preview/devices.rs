//! `/admin/preview/devices…`

use axum::extract::State;
use nexavpn_commands::Change;
use nexavpn_domain::ids::DeviceId;

use super::{Shown, preview, view::Preview};
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path, Query},
    routes::admin::restore::RestoreBody,
};

/// What disabling a device would do.
#[utoipa::path(
    post,
    path = "/admin/preview/devices/{id}/disable",
    operation_id = "preview_devices_disable",
    tag = "previews",
    params(Shown),
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn disable(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Query(shown): Query<Shown>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::EnableDevice(id, false)).await
}

/// What enabling a device would do.
#[utoipa::path(
    post,
    path = "/admin/preview/devices/{id}/enable",
    operation_id = "preview_devices_enable",
    tag = "previews",
    params(Shown),
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn enable(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Query(shown): Query<Shown>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::EnableDevice(id, true)).await
}

/// What revoking a device would do.
#[utoipa::path(
    post,
    path = "/admin/preview/devices/{id}/revoke",
    operation_id = "preview_devices_revoke",
    tag = "previews",
    params(Shown),
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Query(shown): Query<Shown>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::RevokeDevice(id)).await
}

/// What making a device what it was at an earlier moment would do.
#[utoipa::path(
    post,
    path = "/admin/preview/devices/{id}/restore",
    operation_id = "preview_devices_restore",
    tag = "previews",
    params(Shown),
    request_body = RestoreBody,
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn restore(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Query(shown): Query<Shown>,
    Json(body): Json<RestoreBody>,
) -> Result<axum::Json<Preview>, ApiError> {
    let idx = body.idx(&app).await?;
    preview(app, caller, shown, Change::RestoreDevice(id, idx)).await
}
