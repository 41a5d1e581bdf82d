//! `POST /me/password`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_commands::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{App, auth::Caller, error::ApiError, extract::Json};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePassword {
    current_password: String,
    password: String,
}

/// Changes one's own password; all other sessions end.
#[utoipa::path(
    post,
    path = "/me/password",
    operation_id = "me_change_password",
    tag = "me",
    request_body = ChangePassword,
    responses((status = 204, description = "The new password counts from now on.")),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(change): Json<ChangePassword>,
) -> Result<Response, ApiError> {
    let user = caller.user()?;
    let (current, new) = (Secret::new(change.current_password), Secret::new(change.password));
    let done = app
        .commands
        .change_own_password(&caller.request, user.user_id, user.session_id, current, new)
        .await?;
    Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT))
}
