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
    Router,
    middleware::map_response,
    routing::{get, post},
};
use tower_http::compression::CompressionLayer;

use crate::App;
use view::GatewayView;

pub(super) fn routes() -> Router<App> {
    // The bundle is compressed here rather than outside, so that its ETag can name the encoding.
    let sync =
        get(sync::handle).layer(CompressionLayer::new()).layer(map_response(sync::name_encoding));
    Router::new()
        .route("/admin/gateways", get(list::handle).post(create::handle))
        .route("/admin/gateways/{id}", get(get::handle).patch(patch::handle).delete(delete::handle))
        .route("/admin/gateways/{id}/join-token", post(join_token::handle))
        .route("/admin/gateways/{id}/sync", sync)
}
