//! Devices of all users.

mod bulk;
mod get;
mod list;
mod patch;

use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    App,
    routes::devices::{revoke, rotate},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/admin/devices", get(list::handle))
        .route("/admin/devices/bulk", post(bulk::handle))
        .route("/admin/devices/{id}", get(get::handle).patch(patch::handle))
        .route("/admin/devices/{id}/revoke", post(revoke::handle))
        .route("/admin/devices/{id}/rotate", post(rotate::handle))
}
