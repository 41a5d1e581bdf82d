//! `GET /admin/webhooks/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::WebhookId;

use super::WebhookView;
use crate::{App, error::ApiError, extract::Path, routes::admin::entity::entity};

/// One webhook, and how its endpoint stands.
#[utoipa::path(
    get,
    path = "/admin/webhooks/{id}",
    operation_id = "webhooks_get",
    tag = "webhooks",
    responses((status = 200, description = "The webhook.", body = WebhookView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<WebhookId>,
) -> Result<Response, ApiError> {
    Ok(entity(&WebhookView::load(&app, id).await?))
}
