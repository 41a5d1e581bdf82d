//! `POST /auth/refresh`

use axum::extract::State;
use nexavpn_commands::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{login::Session, session::Tokens};
use crate::{App, auth::Caller, error::ApiError, extract::Json};

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
) -> Result<axum::Json<Session>, ApiError> {
    let token = Secret::new(refresh.refresh_token);
    let session = app.commands.refresh(&caller.request, &token).await?;
    Ok(axum::Json(Tokens::of(&app, session).await?.into()))
}
