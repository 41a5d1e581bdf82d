//! `POST /admin/gateways/{id}/drain`

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use nexavpn_domain::ids::GatewayId;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::DrainView;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
};

/// The request.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DrainStart)]
pub(in super::super) struct Start {
    /// The gateway that the devices go to. Left out, each goes to the one with the fewest devices.
    target: Option<GatewayId>,
}

/// Drains a gateway: it gets no new devices from now on, and those that it has are moved to other
/// gateways, 20 at a time, as the move of a device does it. The answer does not wait for that. It
/// stays drained until the drain is ended. Sent again with another target, the drain goes on there.
#[utoipa::path(
    post,
    path = "/admin/gateways/{id}/drain",
    operation_id = "gateways_start_drain",
    tag = "gateways",
    request_body = Start,
    responses((status = 202, description = "The drain has begun.", body = DrainView)),
)]
pub(in super::super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GatewayId>,
    Json(start): Json<Start>,
) -> Result<Response, ApiError> {
    let done = app.commands.start_drain(&caller.request, id, start.target).await?;
    let settled = app.settle(done.position).await;
    let view = DrainView::load(&app, id).await;
    let view = view.map(|view| (StatusCode::ACCEPTED, axum::Json(view)).into_response());
    let bare = axum::Json(json!({ "gateway_id": id }));
    settled.answer_or(view, (StatusCode::ACCEPTED, bare))
}
