//! `PATCH /admin/webhooks/{id}`

use axum::{extract::State, response::Response};
use nexavpn_commands::WebhookPatch;
use nexavpn_domain::ids::WebhookId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::WebhookView;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::admin::entity::changed,
};

/// The request: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookPatch)]
pub(super) struct Patch {
    url: Option<String>,
    description: Option<String>,
    /// Exactly these types; all events where it is empty.
    event_types: Option<Vec<String>>,
    /// Whether events are sent. One that is enabled again goes on where it was.
    enabled: Option<bool>,
}

/// Changes a webhook. An endpoint that has failed is tried again at once.
#[utoipa::path(
    patch,
    path = "/admin/webhooks/{id}",
    operation_id = "webhooks_change",
    tag = "webhooks",
    request_body = Patch,
    responses((status = 200, description = "The webhook as it is now.", body = WebhookView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WebhookId>,
    Json(patch): Json<Patch>,
) -> Result<Response, ApiError> {
    let Patch { url, description, event_types, enabled } = patch;
    let patch = WebhookPatch { url, description, event_types, enabled };
    let done = app.commands.change_webhook(&caller.request, id, patch).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, WebhookView::load(&app, id).await)
}
