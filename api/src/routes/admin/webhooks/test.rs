//! `POST /admin/webhooks/{id}/test`

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use nexavpn_domain::{ids::WebhookId, webhook::Webhook};
use nexavpn_projections::ReadError;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::{
    App,
    error::ApiError,
    extract::Path,
    webhooks::{Message, Outcome},
};

/// What became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookTest)]
struct Tried {
    /// Whether the endpoint took it.
    delivered: bool,
    /// What it answered, if it did.
    status: Option<u16>,
    /// What is wrong, where it was not taken.
    error: Option<String>,
    /// How long that took, in milliseconds.
    took_ms: u64,
}

/// Sends the message `webhook.ping` to a webhook now, whatever waits for it, and says what became
/// of it. Nothing else changes.
#[utoipa::path(
    post,
    path = "/admin/webhooks/{id}/test",
    operation_id = "webhooks_test",
    tag = "webhooks",
    responses((status = 200, description = "What became of it.", body = Tried)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<WebhookId>,
) -> Result<Response, ApiError> {
    let webhook = app.commands.store().load::<Webhook>(id.0).await.map_err(ReadError::from)?.state;
    if !webhook.exists() {
        return Err(ApiError::not_found("webhook"));
    }
    let (keys, now) = (app.commands.webhook_keys(id).await?, app.commands.now());
    let message_id = format!("msg_{}", app.commands.new_id().simple());
    let message = Message::new(message_id, "webhook.ping", now, &json!({ "webhook_id": id }));
    let begun = Instant::now();
    let outcome = app.webhooks.send(webhook.url(), &keys, &message, now).await;
    let (delivered, status, error) = match outcome {
        Outcome::Taken { status } => (true, Some(status), None),
        Outcome::Gone => (false, Some(410), Some("the endpoint answered 410".to_owned())),
        Outcome::Failed { status, error, .. } => (false, status, Some(error)),
    };
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(axum::Json(Tried { delivered, status, error, took_ms }).into_response())
}
