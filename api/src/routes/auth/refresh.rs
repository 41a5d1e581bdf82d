//! `POST /auth/refresh`

use axum::{extract::State, response::Response};
use nexavpn_commands::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::login::Session;
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
pub(super) struct Refresh {
    refresh_token: String,
}

/// Exchanges a refresh token for the next one. Each works once; a second use ends the session.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    operation_id = "auth_refresh",
    tag = "auth",
    request_body = Refresh,
    responses((status = 200, description = "The session with its next tokens.", body = Session)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(refresh): Json<Refresh>,
) -> Result<Response, ApiError> {
    let token = Secret::new(refresh.refresh_token);
    let session = app.commands.refresh(&caller.request, &token).await?;
    let access_token =
        app.tokens.issue(session.user_id, session.session_id, app.commands.now()).await?;
    let user = UserSummary::signed_in(&app, session.user_id).await?;
    let account = app.commands.authenticate(session.session_id).await?;
    Ok(axum::response::IntoResponse::into_response(axum::Json(Session {
        access_token,
        refresh_token: session.refresh_token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: ACCESS_TOKEN_LIFETIME,
        user,
        password_change_required: account.is_some_and(|a| a.must_change_password),
    })))
}
