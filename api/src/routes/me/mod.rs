//! For everybody about oneself.

mod devices;
pub(super) mod enrol;
mod password;
mod profile;

use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;

use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/me/devices", get(devices::handle).post(enrol::handle))
        .route("/me/devices/{id}/profile", get(profile::of_device))
        .route("/me/profile", get(profile::handle))
        .route("/me/password", post(password::handle))
}
