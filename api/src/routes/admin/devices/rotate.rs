//! `POST /admin/devices/{id}/rotate`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::DeviceId;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::Path,
    routes::{devices::rotate, views::DeviceView},
};

/// Raises the profile revision and asks the client for a new key. The peer stays until then, or
/// until the deadline.
#[utoipa::path(
    post,
    path = "/admin/devices/{id}/rotate",
    operation_id = "devices_rotate",
    tag = "devices",
    responses((status = 200, description = "The device, which waits for its new key.", body = DeviceView)),
)]
pub(super) async fn handle(
    app: State<App>,
    caller: Caller,
    id: Path<DeviceId>,
) -> Result<Response, ApiError> {
    rotate::handle(app, caller, id).await
}
