//! `POST /admin/devices/{id}/enable`

use axum::{extract::State, response::Response};
use nexavpn_commands::{DeviceChange, Whose};
use nexavpn_domain::ids::DeviceId;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::Path,
    routes::{admin::entity::changed, views::DeviceView},
};

/// Lets a device in again.
#[utoipa::path(
    post,
    path = "/admin/devices/{id}/enable",
    operation_id = "devices_enable",
    tag = "devices",
    responses((status = 200, description = "The device, let in.", body = DeviceView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response, ApiError> {
    let change = DeviceChange { enabled: Some(true), ..DeviceChange::default() };
    let done = app.commands.change_device(&caller.request, Whose::Anybodys, id, change).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, DeviceView::load(&app, id).await)
}
