//! `POST /admin/gateways/{id}/key-rotation`

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use nexavpn_domain::ids::GatewayId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::KeyRotationProgress;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyRotationStart)]
pub(in super::super) struct Start {
    /// When the next key comes into force.
    switch_at: DateTime<Utc>,
}

/// Rotates a gateway's WireGuard key: its node makes another one and announces it; from then on the
/// devices' profiles carry it as `next_gateway_key`, and at `switch_at` it comes into force. A
/// device that has not fetched it by then reaches nothing until it fetches its profile. Sent again,
/// the switch comes at the other time.
#[utoipa::path(
    post,
    path = "/admin/gateways/{id}/key-rotation",
    operation_id = "gateways_start_key_rotation",
    tag = "gateways",
    request_body = Start,
    responses((status = 202, description = "The node is asked.", body = KeyRotationProgress)),
)]
pub(in super::super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GatewayId>,
    Json(start): Json<Start>,
) -> Result<Response, ApiError> {
    let done = app.commands.request_key_rotation(&caller.request, id, start.switch_at).await?;
    let settled = app.settle(done.position).await;
    KeyRotationProgress::answer(&app, settled, id).await
}
