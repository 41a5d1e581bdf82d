//! `POST /admin/policies/{id}/restore`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::PolicyId;

use super::PolicyView;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::admin::{entity::changed, restore::RestoreBody},
};

/// Makes a policy what it was at an earlier moment, also where it was deleted since. This is a change
/// like any other: what happened in between stays in the history. A policy that was deleted counts
/// as made now where the order goes by age.
#[utoipa::path(
    post,
    path = "/admin/policies/{id}/restore",
    operation_id = "policies_restore",
    tag = "policies",
    request_body = RestoreBody,
    responses((status = 200, description = "The policy as it is now.", body = PolicyView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PolicyId>,
    Json(body): Json<RestoreBody>,
) -> Result<Response, ApiError> {
    let idx = body.idx(&app).await?;
    let done = app.commands.restore_policy(&caller.request, id, idx).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, PolicyView::load(&app, id).await)
}
