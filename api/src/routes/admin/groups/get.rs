//! `GET /admin/groups/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::GroupId;

use super::GroupDetails;
use crate::{App, error::ApiError, extract::Path, routes::admin::entity::entity};

/// One group with its members.
#[utoipa::path(
    get,
    path = "/admin/groups/{id}",
    operation_id = "groups_get",
    tag = "groups",
    responses((status = 200, description = "The group.", body = GroupDetails)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GroupId>,
) -> Result<Response, ApiError> {
    Ok(entity(&GroupDetails::load(&app, id).await?))
}
