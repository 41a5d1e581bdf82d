//! For everybody about oneself.

mod activity;
mod device;
mod devices;
pub(super) mod enrol;
mod password;
mod profile;
mod sessions;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(activity::handle))
        .routes(routes!(devices::handle, enrol::handle))
        .routes(routes!(device::handle, device::change))
        .routes(routes!(profile::of_device))
        .routes(routes!(profile::file_of_device))
        .routes(routes!(profile::handle))
        .routes(routes!(password::handle))
        .routes(routes!(sessions::handle))
        .routes(routes!(sessions::end))
}
