//! `POST /admin/users/{id}/password`

use axum::{extract::State, response::Response};
use nexavpn_commands::Secret;
use nexavpn_domain::ids::UserId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserView;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::admin::entity::changed,
};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordReset)]
pub(super) struct Reset {
    password: String,
    must_change_password: Option<bool>,
}

/// Sets a user's password and ends the sessions. It has to be changed at the next login unless
/// `must_change_password` is false.
#[utoipa::path(
    post,
    path = "/admin/users/{id}/password",
    operation_id = "users_reset_password",
    tag = "users",
    request_body = Reset,
    responses((status = 200, description = "The user.", body = UserView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(reset): Json<Reset>,
) -> Result<Response, ApiError> {
    let password = Secret::new(reset.password);
    let must_change = reset.must_change_password.unwrap_or(true);
    let done = app.commands.reset_password(&caller.request, id, password, must_change).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, UserView::load(&app, id).await)
}
