//! `PATCH /admin/policies/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::PolicyId;

use super::{PolicyBody, PolicyView};
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::admin::entity::changed,
};

/// Changes a policy. Lists are replaced as a whole.
#[utoipa::path(
    patch,
    path = "/admin/policies/{id}",
    operation_id = "policies_change",
    tag = "policies",
    request_body = PolicyBody,
    responses((status = 200, description = "The policy as it is now.", body = PolicyView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PolicyId>,
    Json(body): Json<PolicyBody>,
) -> Result<Response, ApiError> {
    let done = app.commands.change_policy(&caller.request, id, body.into()).await?;
    let mut settled = app.acknowledge(done.position).await;
    let view = PolicyView::after(&app, &mut settled, id).await;
    changed(settled, id, view)
}
