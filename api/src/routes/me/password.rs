//! `POST /me/password`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_commands::Secret;
use serde::Deserialize;

use crate::{App, auth::Caller, error::ApiError, extract::Json};

/// The request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePassword {
    current_password: String,
    password: String,
}

/// Changes one's own password; all other sessions end.
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
