//! `DELETE /admin/groups/{id}`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_domain::ids::GroupId;

use crate::{App, auth::Caller, error::ApiError, extract::Path};

/// Deletes a group: policies that target it match nobody through it any more.
#[utoipa::path(
    delete,
    path = "/admin/groups/{id}",
    operation_id = "groups_delete",
    tag = "groups",
    responses((status = 204, description = "It is gone.")),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GroupId>,
) -> Result<Response, ApiError> {
    let done = app.commands.delete_group(&caller.request, id).await?;
    Ok(app.acknowledge(done.position).await.answer(StatusCode::NO_CONTENT))
}
