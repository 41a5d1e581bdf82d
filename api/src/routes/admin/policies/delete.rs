//! `DELETE /admin/policies/{id}`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_domain::ids::PolicyId;

use crate::{App, auth::Caller, error::ApiError, extract::Path};

/// Deletes a policy.
#[utoipa::path(
    delete,
    path = "/admin/policies/{id}",
    operation_id = "policies_delete",
    tag = "policies",
    responses((status = 204, description = "It is gone.")),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PolicyId>,
) -> Result<Response, ApiError> {
    let done = app.commands.delete_policy(&caller.request, id).await?;
    Ok(app.acknowledge(done.position).await.answer(StatusCode::NO_CONTENT))
}
