//! `POST /gateways/{id}/status`

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use nexavpn_bundle::{NextKey, StatusReport};
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::Outcome;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
};

/// Takes a node's report: what it has applied or refused, its peers, and the next key that it was
/// asked for.
#[utoipa::path(
    post,
    path = "/gateways/{id}/status",
    operation_id = "nodes_report_status",
    tag = "nodes",
    request_body = StatusReport,
    responses((status = 204, description = "Noted.")),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GatewayId>,
    Json(report): Json<StatusReport>,
) -> Result<Response, ApiError> {
    let outcome = app.reports.record_status(id, &report, app.commands.now()).await?;
    if outcome == Outcome::HistoryLost {
        tracing::error!(
            gateway = %id,
            "the gateway has applied a bundle that this control plane does not know: its history \
             is ahead of ours (a restored database?); nothing is published to it"
        );
    } else if let Some(next) = report.next_key.filter(|next| is_wanted(&app, id, next)) {
        let NextKey { rotation, public_key } = next;
        let request = &caller.request;
        let done = app.commands.announce_next_key(request, id, rotation, &public_key).await?;
        return Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whether a rotation waits for this key. The node says it with every report.
fn is_wanted(app: &App, id: GatewayId, next: &NextKey) -> bool {
    app.fleet.read(|fleet| {
        let rotation = fleet.gateway(id).and_then(|gateway| gateway.keys.rotation());
        rotation.is_some_and(|rotation| {
            let known = rotation.next_key.as_ref().map(ToString::to_string);
            rotation.number == next.rotation && known.as_ref() != Some(&next.public_key)
        })
    })
}
