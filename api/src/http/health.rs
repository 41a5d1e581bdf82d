//! For load balancers and operators.

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use nexavpn_gateway_projector::FleetStatus;
use nexavpn_store::Guard;
use serde_json::json;

use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/readyz", get(ready))
}

/// Ready means: the database answers, writes are accepted, and everything that answers reads has
/// caught up, with what this process acknowledged at least.
async fn ready(State(app): State<App>) -> impl IntoResponse {
    let mut problems = Vec::new();
    match app.projections.set_back(&app.pool).await {
        Ok(lost) => problems.extend(lost),
        Err(error) => {
            tracing::warn!(%error, "the database does not answer");
            problems.push("the database does not answer".to_owned());
        }
    }
    if !app.has_settled().await {
        problems.push("changes that were acknowledged are still to be folded".to_owned());
    }
    if let Guard::Restored { .. } = app.commands.store().guard() {
        problems.push("a restored database waits for `nexavpn restore accept`".to_owned());
    }
    match app.fleet.status() {
        FleetStatus::Live => {}
        FleetStatus::CatchingUp => problems.push("the fleet is catching up".to_owned()),
        FleetStatus::Stopped { .. } => problems.push("the fleet projector has stopped".to_owned()),
    }
    problems.extend(app.projections.problems());
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let name = if problems.is_empty() { "ready" } else { "not_ready" };
    (status, Json(json!({ "status": name, "problems": problems })))
}
