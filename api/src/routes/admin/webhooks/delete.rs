//! `DELETE /admin/webhooks/{id}`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_domain::ids::WebhookId;

use crate::{App, auth::Caller, error::ApiError, extract::Path};

/// Deletes a webhook: nothing is sent to it any more, and its secret is destroyed.
#[utoipa::path(
    delete,
    path = "/admin/webhooks/{id}",
    operation_id = "webhooks_delete",
    tag = "webhooks",
    responses((status = 204, description = "It is gone.")),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WebhookId>,
) -> Result<Response, ApiError> {
    let done = app.commands.delete_webhook(&caller.request, id).await?;
    Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT))
}
