//! `DELETE /admin/users/{id}`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_domain::ids::UserId;

use crate::{App, auth::Caller, error::ApiError, extract::Path};

/// Deletes a user: the devices are revoked, the sessions end, the login name is free again.
#[utoipa::path(
    delete,
    path = "/admin/users/{id}",
    operation_id = "users_delete",
    tag = "users",
    responses((status = 204, description = "It is gone.")),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Response, ApiError> {
    let done = app.commands.delete_user(&caller.request, id).await?;
    Ok(app.acknowledge(done.position).await.answer(StatusCode::NO_CONTENT))
}
