//! Devices of all users.

mod bulk;
mod disable;
mod enable;
mod get;
mod list;
mod patch;
mod restore;
mod revoke;
mod rotate;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
pub(super) use bulk::Bulk as DeviceBulk;
pub(in crate::routes) use list::page;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::handle))
        .routes(routes!(bulk::handle))
        .routes(routes!(get::handle, patch::handle))
        .routes(routes!(restore::handle))
        .routes(routes!(enable::handle))
        .routes(routes!(disable::handle))
        .routes(routes!(revoke::handle))
        .routes(routes!(rotate::handle))
}
