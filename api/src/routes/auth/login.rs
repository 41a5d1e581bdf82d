//! `POST /auth/login`

use axum::{extract::State, response::Response};
use nexavpn_commands::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    App,
    auth::{ACCESS_TOKEN_LIFETIME, Caller},
    error::ApiError,
    extract::Json,
    routes::views::UserSummary,
};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    username: String,
    password: String,
}

/// A session: the contract's answer, and whether a new password is due.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(super) struct Session {
    pub(super) access_token: String,
    pub(super) refresh_token: String,
    pub(super) token_type: &'static str,
    pub(super) expires_in: i64,
    pub(super) user: UserSummary,
    pub(super) password_change_required: bool,
}

/// Signs in with a password. 401 `invalid_credentials` says nothing about which part was wrong.
#[utoipa::path(
    post,
    path = "/auth/login",
    operation_id = "auth_login",
    tag = "auth",
    request_body = Login,
    responses((status = 200, description = "A new session.", body = Session)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(login): Json<Login>,
) -> Result<Response, ApiError> {
    let password = Secret::new(login.password);
    let done = app.commands.login(&caller.request, &login.username, password).await?;
    let session = done.value;
    let access_token =
        app.tokens.issue(session.user_id, session.session_id, app.commands.now()).await?;
    let settled = app.settle(done.position).await;
    let user = UserSummary::signed_in(&app, session.user_id).await?;
    Ok(settled.answer(axum::Json(Session {
        access_token,
        refresh_token: session.refresh_token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: ACCESS_TOKEN_LIFETIME,
        user,
        password_change_required: session.must_change_password,
    })))
}
