//! `GET /admin/groups/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::GroupId;

use super::GroupDetails;
use crate::{
    App,
    error::ApiError,
    extract::{Path, Query},
    moment::At,
    routes::admin::entity::entity,
};

/// One group with its members.
#[utoipa::path(
    get,
    path = "/admin/groups/{id}",
    operation_id = "groups_get",
    tag = "groups",
    params(At),
    responses((status = 200, description = "The group.", body = GroupDetails)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GroupId>,
    Query(at): Query<At>,
) -> Result<Response, ApiError> {
    let Some(at) = at.find(&app).await? else {
        return Ok(entity(&GroupDetails::load(&app, id).await?));
    };
    let fleet = app.fleet_as_of(at).await?;
    Ok(entity(&GroupDetails::past(&app, &fleet, id).await?))
}
