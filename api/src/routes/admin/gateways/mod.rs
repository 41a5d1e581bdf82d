//! Gateways.

mod create;
mod delete;
mod get;
mod join_token;
mod list;
mod patch;
mod sync;
mod view;

use axum::{
    http::{Extensions, HeaderMap, StatusCode, Version},
    middleware::map_response,
    routing::{get, post},
};
use tower_http::compression::CompressionLayer;

use utoipa_axum::router::OpenApiRouter;

use crate::App;
use view::GatewayView;

pub(super) fn routes() -> OpenApiRouter<App> {
    // The bundle is compressed here rather than outside, so that its ETag can name the encoding.
    // Errors are not: the outermost layer completes their bodies.
    let bundle =
        |status: StatusCode, _: Version, _: &HeaderMap, _: &Extensions| status.is_success();
    let sync = get(sync::handle)
        .layer(CompressionLayer::new().compress_when(bundle))
        .layer(map_response(sync::name_encoding));
    OpenApiRouter::new()
        .route("/admin/gateways", get(list::handle).post(create::handle))
        .route("/admin/gateways/{id}", get(get::handle).patch(patch::handle).delete(delete::handle))
        .route("/admin/gateways/{id}/join-token", post(join_token::handle))
        .route("/admin/gateways/{id}/sync", sync)
}
