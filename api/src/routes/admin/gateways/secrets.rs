//! `GET /admin/gateways/{id}/secrets`

use axum::{Json, extract::State, http::header, response::IntoResponse};
use nexavpn_bundle::GatewaySecrets;
use nexavpn_domain::ids::GatewayId;

use crate::{App, error::ApiError, extract::Path};

/// The preshared keys of the gateway's devices, by what names them in its bundle; for that
/// gateway's own credential alone.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/secrets",
    operation_id = "nodes_secrets",
    tag = "nodes",
    responses((status = 200, description = "The keys.", body = GatewaySecrets)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
) -> Result<impl IntoResponse, ApiError> {
    let secrets = app.commands.preshared_keys(id).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(GatewaySecrets { secrets })))
}
