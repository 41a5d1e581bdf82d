//! `POST /auth/logout-all`

use axum::{extract::State, http::StatusCode, response::Response};

use crate::{App, auth::Caller, error::ApiError};

/// Signs out everywhere: all of one's own sessions end, the one that asks among them. None of
/// their tokens works from the next request on; sign in again to go on.
#[utoipa::path(
    post,
    path = "/auth/logout-all",
    operation_id = "auth_logout_all",
    tag = "auth",
    responses((status = 204, description = "All sessions have ended, this one too.")),
)]
pub(super) async fn handle(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let user = caller.user()?;
    let done = app.commands.end_sessions_of(&caller.request, user.user_id).await?;
    Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT))
}
