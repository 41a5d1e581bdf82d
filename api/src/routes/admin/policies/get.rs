//! `GET /admin/policies/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::PolicyId;

use super::PolicyView;
use crate::{
    App,
    error::ApiError,
    extract::{Path, Query},
    moment::At,
    routes::admin::entity::entity,
};

/// One policy.
#[utoipa::path(
    get,
    path = "/admin/policies/{id}",
    operation_id = "policies_get",
    tag = "policies",
    params(At),
    responses((status = 200, description = "The policy.", body = PolicyView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<PolicyId>,
    Query(at): Query<At>,
) -> Result<Response, ApiError> {
    let Some(at) = at.find(&app).await? else {
        return Ok(entity(&PolicyView::load(&app, id).await?));
    };
    let fleet = app.fleet_as_of(at).await?;
    let view = PolicyView::past(&app, &fleet, &[id]).await?.pop();
    Ok(entity(&view.ok_or_else(|| ApiError::not_found("policy"))?))
}
