//! `GET /admin/gateways/{id}/drain`

use axum::extract::State;
use nexavpn_domain::ids::GatewayId;

use super::DrainView;
use crate::{App, error::ApiError, extract::Path};

/// How far the drain of a gateway has come. 404 where it is not drained.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/drain",
    operation_id = "gateways_get_drain",
    tag = "gateways",
    responses((status = 200, description = "How far it has come.", body = DrainView)),
)]
pub(in super::super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
) -> Result<axum::Json<DrainView>, ApiError> {
    DrainView::load(&app, id).await.map(axum::Json)
}
