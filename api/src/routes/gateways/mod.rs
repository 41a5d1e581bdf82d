//! For gateways' nodes.

mod join;
mod status;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// The largest report in bytes: a peer takes about 150.
const REPORT_LIMIT: usize = 16 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    let (schemas, paths, status) = routes!(status::handle);
    let status = status.layer(DefaultBodyLimit::max(REPORT_LIMIT));
    OpenApiRouter::new().routes(routes!(join::handle)).routes((schemas, paths, status))
}
