//! `POST /admin/devices/{id}/restore`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::DeviceId;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::{
        admin::{entity::changed, restore::RestoreBody},
        views::DeviceView,
    },
};

/// Gives a device the settings that it had at an earlier moment: name, platform, whether it is
/// enabled, and its expiry. Owner, keys, gateway and address stay; so does the name where somebody
/// else had the device then.
#[utoipa::path(
    post,
    path = "/admin/devices/{id}/restore",
    operation_id = "devices_restore",
    tag = "devices",
    request_body = RestoreBody,
    responses((status = 200, description = "The device as it is now.", body = DeviceView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Json(body): Json<RestoreBody>,
) -> Result<Response, ApiError> {
    let idx = body.idx(&app).await?;
    let done = app.commands.restore_device(&caller.request, id, idx).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, DeviceView::load(&app, id).await)
}
