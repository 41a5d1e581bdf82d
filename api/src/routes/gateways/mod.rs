//! For gateways' nodes.

mod join;
mod status;

use axum::{Router, routing::post};

use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/gateways/join", post(join::handle))
        .route("/gateways/{id}/status", post(status::handle))
}
