//! `POST /admin/webhooks/{id}/rotate-secret`

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::TimeDelta;
use nexavpn_domain::ids::WebhookId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::WebhookSecret;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
};

/// A day: long enough to bring the new secret to where it is needed.
const OVERLAP: u32 = 24 * 3600;

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookSecretRotation)]
pub(super) struct Rotate {
    /// For how many seconds the secret before signs as well; a day unless given, 30 days at most.
    keep_previous_s: Option<u32>,
}

/// Gives a webhook another secret, shown this once. For a while each request carries a signature
/// with either, so that none is refused before the endpoint knows the new one.
#[utoipa::path(
    post,
    path = "/admin/webhooks/{id}/rotate-secret",
    operation_id = "webhooks_rotate_secret",
    tag = "webhooks",
    request_body = Rotate,
    responses((status = 200, description = "The new secret.", body = WebhookSecret)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WebhookId>,
    Json(asked): Json<Rotate>,
) -> Result<Response, ApiError> {
    let overlap = TimeDelta::seconds(asked.keep_previous_s.unwrap_or(OVERLAP).into());
    let done = app.commands.rotate_webhook_secret(&caller.request, id, overlap).await?;
    let settled = app.settle(done.position).await;
    let (issued, _) = done.value;
    Ok(settled.answer(WebhookSecret::answer(&app, StatusCode::OK, &issued).await))
}
