//! `POST /admin/gateways/{id}/key-rotation/switch`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::GatewayId;

use super::KeyRotationProgress;
use crate::{App, auth::Caller, error::ApiError, extract::Path};

/// Brings the next key into force at once, whoever has not fetched it.
#[utoipa::path(
    post,
    path = "/admin/gateways/{id}/key-rotation/switch",
    operation_id = "gateways_switch_key",
    tag = "gateways",
    responses((status = 202, description = "It is in force.", body = KeyRotationProgress)),
)]
pub(in super::super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GatewayId>,
) -> Result<Response, ApiError> {
    let done = app.commands.switch_gateway_key(&caller.request, id).await?;
    let settled = app.settle(done.position).await;
    KeyRotationProgress::answer(&app, settled, id).await
}
