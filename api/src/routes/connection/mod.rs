//! What the client shows about its connection.

mod status;

use axum::{Router, routing::get};

use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/connection/status", get(status::handle))
}
