//! `GET /admin/gateways/{id}/key-rotation`

use axum::extract::State;
use nexavpn_domain::ids::GatewayId;

use super::KeyRotationProgress;
use crate::{App, error::ApiError, extract::Path};

/// Where the rotation of a gateway's key stands, also after the switch. 404 where none was asked
/// for, or it was called off.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/key-rotation",
    operation_id = "gateways_get_key_rotation",
    tag = "gateways",
    responses((status = 200, description = "Where it stands.", body = KeyRotationProgress)),
)]
pub(in super::super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
) -> Result<axum::Json<KeyRotationProgress>, ApiError> {
    KeyRotationProgress::load(&app, id).await.map(axum::Json)
}
