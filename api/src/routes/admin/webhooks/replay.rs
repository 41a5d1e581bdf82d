//! `POST /admin/webhooks/{id}/replay`

use axum::{extract::State, response::Response};
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

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookReplay)]
pub(super) struct Replay {
    /// The number of the first event to send; 1 for the first of all.
    #[schema(minimum = 1)]
    from: i64,
}

/// Sends events from a number on: once more, with the same ids as before, or past those that
/// wait. This is the only thing that ever leaves events out.
#[utoipa::path(
    post,
    path = "/admin/webhooks/{id}/replay",
    operation_id = "webhooks_replay",
    tag = "webhooks",
    request_body = Replay,
    responses((status = 200, description = "The webhook as it is now.", body = WebhookView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WebhookId>,
    Json(replay): Json<Replay>,
) -> Result<Response, ApiError> {
    let done = app.commands.replay_webhook(&caller.request, id, replay.from).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, WebhookView::load(&app, id).await)
}
