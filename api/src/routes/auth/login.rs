//! `POST /auth/login`

use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::session::{Login, Tokens};
use crate::{
    App,
    auth::{ACCESS_TOKEN_LIFETIME, Caller},
    error::ApiError,
    extract::Json,
    routes::views::UserSummary,
};

/// A session: the contract's answer, and whether a new password is due.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(super) struct Session {
    access_token: String,
    refresh_token: String,
    token_type: &'static str,
    expires_in: i64,
    user: UserSummary,
    password_change_required: bool,
}

impl From<Tokens> for Session {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: ACCESS_TOKEN_LIFETIME,
            user: tokens.user,
            password_change_required: tokens.password_change_required,
        }
    }
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
    let (tokens, settled) = Tokens::login(&app, &caller, login).await?;
    Ok(settled.answer(axum::Json(Session::from(tokens))))
}
