//! `PUT` and `DELETE /admin/groups/{id}/members/{user_id}`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_domain::ids::{GroupId, UserId};

use super::GroupDetails;
use crate::{App, auth::Caller, error::ApiError, extract::Path, routes::admin::entity::changed};

/// Makes a user a member; nothing changes for one who is.
#[utoipa::path(
    put,
    path = "/admin/groups/{id}/members/{user_id}",
    operation_id = "groups_add_member",
    tag = "groups",
    responses((status = 200, description = "The group with the member.", body = GroupDetails)),
)]
pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    Path((id, user)): Path<(GroupId, UserId)>,
) -> Result<Response, ApiError> {
    let done = app.commands.add_member(&caller.request, id, user).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, GroupDetails::load(&app, id).await)
}

/// Takes a user out; nothing changes for one who is no member.
#[utoipa::path(
    delete,
    path = "/admin/groups/{id}/members/{user_id}",
    operation_id = "groups_remove_member",
    tag = "groups",
    responses((status = 204, description = "The user is no member any more.")),
)]
pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path((id, user)): Path<(GroupId, UserId)>,
) -> Result<Response, ApiError> {
    let done = app.commands.remove_member(&caller.request, id, user).await?;
    Ok(app.acknowledge(done.position).await.answer(StatusCode::NO_CONTENT))
}
