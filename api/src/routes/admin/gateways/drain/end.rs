//! `DELETE /admin/gateways/{id}/drain`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_domain::ids::GatewayId;

use crate::{App, auth::Caller, error::ApiError, extract::Path};

/// Ends the drain of a gateway, which may have devices again. No device is moved after the answer;
/// those that were moved stay where they are.
#[utoipa::path(
    delete,
    path = "/admin/gateways/{id}/drain",
    operation_id = "gateways_end_drain",
    tag = "gateways",
    responses((status = 204, description = "It is not drained any more.")),
)]
pub(in super::super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GatewayId>,
) -> Result<Response, ApiError> {
    let done = app.commands.end_drain(&caller.request, id).await?;
    Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT))
}
