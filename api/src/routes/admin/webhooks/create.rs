//! `POST /admin/webhooks`

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use nexavpn_commands::WebhookInput;
use serde::Deserialize;
use utoipa::ToSchema;

use super::WebhookSecret;
use crate::{App, BASE_PATH, auth::Caller, error::ApiError, extract::Json};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookCreate)]
pub(super) struct Create {
    /// Where to: `https://…`. It is shown to auditors and stays in the audit log: no place for a
    /// secret.
    url: String,
    /// What it is for.
    description: Option<String>,
    /// Which events: types, or what stands before a `*` (`device.*`); all where there is none.
    #[serde(default)]
    event_types: Vec<String>,
}

/// Creates a webhook: events are sent to it from now on, each as a request signed by the Standard
/// Webhooks specification. The secret is shown this once.
#[utoipa::path(
    post,
    path = "/admin/webhooks",
    operation_id = "webhooks_create",
    tag = "webhooks",
    request_body = Create,
    responses((status = 201, description = "The new webhook and its secret.", body = WebhookSecret)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<Create>,
) -> Result<Response, ApiError> {
    let Create { url, description, event_types } = new;
    let input = WebhookInput { url, description, event_types };
    let done = app.commands.create_webhook(&caller.request, input).await?;
    let settled = app.settle(done.position).await;
    let mut answer = WebhookSecret::answer(&app, StatusCode::CREATED, &done.value).await;
    let place = format!("{BASE_PATH}/admin/webhooks/{}", done.value.id);
    if let Ok(place) = HeaderValue::from_str(&place) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(settled.answer(answer))
}
