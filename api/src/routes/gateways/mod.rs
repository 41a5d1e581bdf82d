//! For gateways' nodes.

mod join;
mod status;

use axum::{Router, extract::DefaultBodyLimit, routing::post};

use crate::App;

/// The largest report in bytes: a peer takes about 150.
const REPORT_LIMIT: usize = 16 * 1024 * 1024;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/gateways/join", post(join::handle)).route(
        "/gateways/{id}/status",
        post(status::handle).layer(DefaultBodyLimit::max(REPORT_LIMIT)),
    )
}
