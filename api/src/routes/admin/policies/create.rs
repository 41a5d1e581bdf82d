//! `POST /admin/policies`

use axum::{extract::State, response::Response};

use super::{PolicyBody, PolicyView};
use crate::{App, auth::Caller, error::ApiError, extract::Json, routes::admin::entity::created};

/// Creates a policy. It is in force with the answer, or from its `valid_from` on.
#[utoipa::path(
    post,
    path = "/admin/policies",
    operation_id = "policies_create",
    tag = "policies",
    request_body = PolicyBody,
    responses((status = 201, description = "The new policy.", body = PolicyView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<PolicyBody>,
) -> Result<Response, ApiError> {
    let done = app.commands.create_policy(&caller.request, body.into()).await?;
    let mut settled = app.acknowledge(done.position).await;
    let view = PolicyView::after(&app, &mut settled, done.value).await;
    created(settled, "policies", done.value, view)
}
