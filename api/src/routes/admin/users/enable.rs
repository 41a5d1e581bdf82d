//! `POST /admin/users/{id}/enable`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::UserId;

use super::UserView;
use crate::{App, auth::Caller, error::ApiError, extract::Path, routes::admin::entity::changed};

/// Lets a user in again; the devices that were not disabled themselves are peers again.
#[utoipa::path(
    post,
    path = "/admin/users/{id}/enable",
    operation_id = "users_enable",
    tag = "users",
    responses((status = 200, description = "The user, who may sign in again.", body = UserView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Response, ApiError> {
    let done = app.commands.enable_user(&caller.request, id).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, UserView::load(&app, id).await)
}
