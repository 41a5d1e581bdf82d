//! `GET /admin/policies/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::PolicyId;

use super::PolicyView;
use crate::{App, error::ApiError, extract::Path, routes::admin::entity::entity};

/// One policy.
#[utoipa::path(
    get,
    path = "/admin/policies/{id}",
    operation_id = "policies_get",
    tag = "policies",
    responses((status = 200, description = "The policy.", body = PolicyView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<PolicyId>,
) -> Result<Response, ApiError> {
    Ok(entity(&PolicyView::load(&app, id).await?))
}
