//! `GET /admin/gateways/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::GatewayId;

use super::GatewayView;
use crate::{App, error::ApiError, extract::Path, routes::admin::entity::entity};

/// One gateway, and how its node stands to its newest bundle.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}",
    operation_id = "gateways_get",
    tag = "gateways",
    responses((status = 200, description = "The gateway.", body = GatewayView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
) -> Result<Response, ApiError> {
    Ok(entity(&GatewayView::load(&app, id).await?))
}
