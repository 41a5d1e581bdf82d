//! `POST /gateways/{id}/status`

use axum::{extract::State, http::StatusCode};
use nexavpn_bundle::StatusReport;
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::Outcome;

use crate::{
    App,
    error::ApiError,
    extract::{Json, Path},
};

/// Takes a node's report: what it has applied or refused, and its peers.
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
    Path(id): Path<GatewayId>,
    Json(report): Json<StatusReport>,
) -> Result<StatusCode, ApiError> {
    let outcome = app.reports.record_status(id, &report, app.commands.now()).await?;
    if outcome == Outcome::HistoryLost {
        tracing::error!(
            gateway = %id,
            "the gateway has applied a bundle that this control plane does not know: its history \
             is ahead of ours (a restored database?); nothing is published to it"
        );
    }
    Ok(StatusCode::NO_CONTENT)
}
