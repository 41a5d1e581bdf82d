//! `POST /admin/devices/{id}/disable`

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

/// Cuts a device off for the time being: no bundle holds it, running connections stop.
#[utoipa::path(
    post,
    path = "/admin/devices/{id}/disable",
    operation_id = "devices_disable",
    tag = "devices",
    responses((status = 200, description = "The device, cut off.", body = DeviceView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response, ApiError> {
    let change = DeviceChange { enabled: Some(false), ..DeviceChange::default() };
    let done = app.commands.change_device(&caller.request, Whose::Anybodys, id, change).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, DeviceView::load(&app, id).await)
}
