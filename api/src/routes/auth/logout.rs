//! `POST /auth/logout`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_commands::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{App, auth::Caller, error::ApiError, extract::Json};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Logout {
    refresh_token: String,
}

/// Ends the session: neither its refresh token nor its access tokens work from now on. 204 also
/// for a token that no longer works.
#[utoipa::path(
    post,
    path = "/auth/logout",
    operation_id = "auth_logout",
    tag = "auth",
    request_body = Logout,
    responses((status = 204, description = "The session is over.")),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(logout): Json<Logout>,
) -> Result<Response, ApiError> {
    let token = Secret::new(logout.refresh_token);
    let done = app.commands.logout(&caller.request, &token).await?;
    Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT))
}
