//! `DELETE /admin/gateways/{id}/key-rotation`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_domain::ids::GatewayId;

use crate::{App, auth::Caller, error::ApiError, extract::Path};

/// Calls the rotation of a gateway's key off: the key in force stays, and the node forgets the next
/// one. A switch that has happened stays.
#[utoipa::path(
    delete,
    path = "/admin/gateways/{id}/key-rotation",
    operation_id = "gateways_call_off_key_rotation",
    tag = "gateways",
    responses((status = 204, description = "The key in force stays.")),
)]
pub(in super::super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GatewayId>,
) -> Result<Response, ApiError> {
    let done = app.commands.call_off_key_rotation(&caller.request, id).await?;
    Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT))
}
