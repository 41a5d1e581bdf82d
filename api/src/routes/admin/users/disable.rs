//! `POST /admin/users/{id}/disable`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::UserId;

use super::UserView;
use crate::{App, auth::Caller, error::ApiError, extract::Path, routes::admin::entity::changed};

/// Keeps a user from signing in from the next request on, ends the sessions and cuts the devices off.
#[utoipa::path(
    post,
    path = "/admin/users/{id}/disable",
    operation_id = "users_disable",
    tag = "users",
    responses((status = 200, description = "The user, who cannot sign in any more.", body = UserView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Response, ApiError> {
    let done = app.commands.disable_user(&caller.request, id).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, UserView::load(&app, id).await)
}
