//! `POST /devices/{id}/rotate`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::DeviceId;

use super::{changed_device, within_reach};
use crate::{App, auth::Caller, error::ApiError, extract::Path, routes::views::DeviceView};

/// Raises the profile revision and asks the client for a new key. The peer stays until then, or
/// until the deadline.
#[utoipa::path(
    post,
    path = "/devices/{id}/rotate",
    operation_id = "clients_rotate",
    tag = "clients",
    responses((status = 200, description = "The device, which waits for its new key.", body = DeviceView)),
)]
pub(crate) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response, ApiError> {
    let done = app.commands.rotate_device(&caller.request, within_reach(&caller)?, id).await?;
    changed_device(&app, &caller, id, done.position).await
}
