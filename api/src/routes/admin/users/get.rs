//! `GET /admin/users/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::UserId;

use super::UserView;
use crate::{App, error::ApiError, extract::Path, routes::admin::entity::entity};

/// One user; 404 for a deleted one.
#[utoipa::path(
    get,
    path = "/admin/users/{id}",
    operation_id = "users_get",
    tag = "users",
    responses((status = 200, description = "The user.", body = UserView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<UserId>,
) -> Result<Response, ApiError> {
    Ok(entity(&UserView::load(&app, id).await?))
}
