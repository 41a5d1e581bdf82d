//! What the client shows about its connection.

mod status;

use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().route("/connection/status", get(status::handle))
}
