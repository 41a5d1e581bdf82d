//! `POST /admin/users/{id}/erase`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::UserId;

use super::UserView;
use crate::{App, auth::Caller, error::ApiError, extract::Path, routes::admin::entity::changed};

/// Erases a user, also a deleted one: nobody can read the personal data any more, not even in the
/// history. The answer shows what is left.
#[utoipa::path(
    post,
    path = "/admin/users/{id}/erase",
    operation_id = "users_erase",
    tag = "users",
    responses((status = 200, description = "What is left of the user.", body = UserView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Response, ApiError> {
    let done = app.commands.erase_user(&caller.request, id).await?;
    let settled = app.settle_everywhere(done.position).await;
    // Answers that were read while the read models still knew the user.
    if let Err(error) = app.commands.forget_answers().await {
        tracing::warn!(%error, "answers given during an erasure are kept until they expire");
    }
    changed(settled, id, UserView::load_any(&app, id).await)
}
