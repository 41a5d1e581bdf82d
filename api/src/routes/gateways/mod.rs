//! For gateways' nodes.

mod join;
mod status;

use axum::{extract::DefaultBodyLimit, routing::post};
use utoipa_axum::router::OpenApiRouter;

use crate::App;

/// The largest report in bytes: a peer takes about 150.
const REPORT_LIMIT: usize = 16 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().route("/gateways/join", post(join::handle)).route(
        "/gateways/{id}/status",
        post(status::handle).layer(DefaultBodyLimit::max(REPORT_LIMIT)),
    )
}
