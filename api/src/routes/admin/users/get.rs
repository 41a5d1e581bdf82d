//! `GET /admin/users/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::UserId;

use super::UserView;
use crate::{
    App,
    error::ApiError,
    extract::{Path, Query},
    moment::At,
    routes::admin::entity::entity,
};

/// One user; 404 for a deleted one.
#[utoipa::path(
    get,
    path = "/admin/users/{id}",
    operation_id = "users_get",
    tag = "users",
    params(At),
    responses((status = 200, description = "The user.", body = UserView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<UserId>,
    Query(at): Query<At>,
) -> Result<Response, ApiError> {
    let Some(at) = at.find(&app).await? else {
        return Ok(entity(&UserView::load(&app, id).await?));
    };
    let fleet = app.fleet_as_of(at).await?;
    fleet.user(id).ok_or_else(|| ApiError::not_found("user"))?;
    let view = UserView::past(&app, at, &[id]).await?.pop();
    Ok(entity(&view.ok_or_else(|| ApiError::not_found("user"))?))
}
