//! `GET /admin/gateways/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::GatewayId;

use super::GatewayView;
use crate::{
    App,
    error::ApiError,
    extract::{Path, Query},
    moment::At,
    routes::admin::entity::entity,
};

/// One gateway, and how its node stands to its newest bundle.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}",
    operation_id = "gateways_get",
    tag = "gateways",
    params(At),
    responses((status = 200, description = "The gateway.", body = GatewayView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
    Query(at): Query<At>,
) -> Result<Response, ApiError> {
    let Some(at) = at.find(&app).await? else {
        return Ok(entity(&GatewayView::load(&app, id).await?));
    };
    let fleet = app.fleet_as_of(at).await?;
    let view = GatewayView::past(&app, at, &fleet, &[id]).await?.pop();
    Ok(entity(&view.ok_or_else(|| ApiError::not_found("gateway"))?))
}
