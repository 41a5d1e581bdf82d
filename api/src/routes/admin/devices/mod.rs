//! Devices of all users.

mod get;
mod list;
mod patch;

use axum::{
    Router,
    routing::{get, post},
};

use crate::{
    App,
    routes::devices::{revoke, rotate},
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/devices", get(list::handle))
        .route("/admin/devices/{id}", get(get::handle).patch(patch::handle))
        .route("/admin/devices/{id}/revoke", post(revoke::handle))
        .route("/admin/devices/{id}/rotate", post(rotate::handle))
}
