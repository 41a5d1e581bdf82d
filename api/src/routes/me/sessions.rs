//! `GET /me/sessions` and `DELETE /me/sessions/{id}`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_domain::ids::SessionId;

use crate::{App, auth::Caller, error::ApiError, extract::Path, routes::views::SessionsView};

/// One's own sessions: where one is signed in, since when, with what.
#[utoipa::path(
    get,
    path = "/me/sessions",
    operation_id = "me_sessions",
    tag = "me",
    responses((status = 200, description = "All of them.", body = SessionsView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
) -> Result<axum::Json<SessionsView>, ApiError> {
    let user = caller.user()?;
    Ok(axum::Json(SessionsView::load(&app, user.user_id, user.session_id).await?))
}

/// Ends one of one's own sessions; it may be the one that asks. Its tokens do not work from the
/// next request on.
#[utoipa::path(
    delete,
    path = "/me/sessions/{id}",
    operation_id = "me_end_session",
    tag = "me",
    responses((status = 204, description = "The session has ended.")),
)]
pub(super) async fn end(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<SessionId>,
) -> Result<Response, ApiError> {
    let user = caller.user()?;
    let done = app.commands.end_session_of(&caller.request, user.user_id, id).await?;
    Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT))
}
