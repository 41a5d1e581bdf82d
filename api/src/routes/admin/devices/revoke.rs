//! `POST /admin/devices/{id}/revoke`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::DeviceId;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::{
        devices::revoke::{self, Revoke},
        views::DeviceView,
    },
};

/// Puts a device out for good: no bundle holds it any more, running connections stop.
#[utoipa::path(
    post,
    path = "/admin/devices/{id}/revoke",
    operation_id = "devices_revoke",
    tag = "devices",
    request_body = Revoke,
    responses((status = 200, description = "The revoked device.", body = DeviceView)),
)]
pub(super) async fn handle(
    app: State<App>,
    caller: Caller,
    id: Path<DeviceId>,
    body: Json<Revoke>,
) -> Result<Response, ApiError> {
    revoke::handle(app, caller, id, body).await
}
