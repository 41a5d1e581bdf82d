//! `GET` and `DELETE /admin/users/{id}/sessions`, `DELETE /admin/users/{id}/sessions/{session_id}`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_domain::ids::{SessionId, UserId};

use crate::{App, auth::Caller, error::ApiError, extract::Path, routes::views::SessionsView};

/// A user's sessions: where they are signed in, since when, with what.
#[utoipa::path(
    get,
    path = "/admin/users/{id}/sessions",
    operation_id = "users_sessions",
    tag = "users",
    responses((status = 200, description = "All of them.", body = SessionsView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<axum::Json<SessionsView>, ApiError> {
    let current = caller.user()?.session_id;
    Ok(axum::Json(SessionsView::load(&app, id, current).await?))
}

/// Signs a user out everywhere, from the next request on.
#[utoipa::path(
    delete,
    path = "/admin/users/{id}/sessions",
    operation_id = "users_end_sessions",
    tag = "users",
    responses((status = 204, description = "All sessions of the user have ended.")),
)]
pub(super) async fn end_all(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Response, ApiError> {
    let done = app.commands.end_sessions_of(&caller.request, id).await?;
    Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT))
}

/// Ends one session of a user, from the next request on.
#[utoipa::path(
    delete,
    path = "/admin/users/{id}/sessions/{session_id}",
    operation_id = "users_end_session",
    tag = "users",
    responses((status = 204, description = "The session has ended.")),
)]
pub(super) async fn end(
    State(app): State<App>,
    caller: Caller,
    Path((id, session)): Path<(UserId, SessionId)>,
) -> Result<Response, ApiError> {
    let done = app.commands.end_session_of(&caller.request, id, session).await?;
    Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT))
}
