//! For everybody about oneself.

mod devices;
pub(super) mod enrol;
mod password;
mod profile;

use axum::{
    Router,
    routing::{get, post},
};

use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/me/devices", get(devices::handle).post(enrol::handle))
        .route("/me/devices/{id}/profile", get(profile::of_device))
        .route("/me/profile", get(profile::handle))
        .route("/me/password", post(password::handle))
}
