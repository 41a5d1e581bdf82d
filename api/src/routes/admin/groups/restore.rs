//! `POST /admin/groups/{id}/restore`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::GroupId;

use super::GroupDetails;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::admin::{entity::changed, restore::RestoreBody},
};

/// Makes a group what it was at an earlier moment, its members among it, also where it was deleted
/// since. Users who have been deleted are not in it again. What happened in between stays in the
/// history.
#[utoipa::path(
    post,
    path = "/admin/groups/{id}/restore",
    operation_id = "groups_restore",
    tag = "groups",
    request_body = RestoreBody,
    responses((status = 200, description = "The group as it is now.", body = GroupDetails)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GroupId>,
    Json(body): Json<RestoreBody>,
) -> Result<Response, ApiError> {
    let idx = body.idx(&app).await?;
    let done = app.commands.restore_group(&caller.request, id, idx).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, GroupDetails::load(&app, id).await)
}
