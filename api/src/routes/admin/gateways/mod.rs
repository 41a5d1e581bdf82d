//! Gateways.

mod bundle;
mod bundles;
mod convergence;
mod create;
mod delete;
mod drain;
mod get;
mod join_token;
mod key_rotation;
mod list;
mod metrics;
mod patch;
mod secrets;
mod signing_keys;
mod sync;
mod view;

use axum::{
    http::{Extensions, HeaderMap, StatusCode, Version},
    middleware::map_response,
};
use tower_http::compression::CompressionLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use view::{ConvergenceView, GatewayView};

pub(super) fn routes() -> OpenApiRouter<App> {
    // The bundle is compressed here rather than outside, so that its ETag can name the encoding.
    // Errors are not: the outermost layer completes their bodies.
    let bundle =
        |status: StatusCode, _: Version, _: &HeaderMap, _: &Extensions| status.is_success();
    let (schemas, paths, sync) = routes!(sync::handle);
    let sync = sync
        .layer(CompressionLayer::new().compress_when(bundle))
        .layer(map_response(sync::name_encoding));
    OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(get::handle, patch::handle, delete::handle))
        .routes(routes!(drain::start::handle, drain::get::handle, drain::end::handle))
        .routes(routes!(
            key_rotation::start::handle,
            key_rotation::get::handle,
            key_rotation::call_off::handle
        ))
        .routes(routes!(key_rotation::switch::handle))
        .routes(routes!(key_rotation::devices::handle))
        .routes(routes!(join_token::handle))
        .routes(routes!(secrets::handle))
        .routes(routes!(signing_keys::handle))
        .routes(routes!(metrics::handle))
        .routes(routes!(convergence::handle))
        .routes(routes!(bundles::handle))
        .routes(routes!(bundle::handle))
        .routes((schemas, paths, sync))
        .routes(routes!(sync::stream::handle))
}
