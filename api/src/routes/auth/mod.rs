//! Signing in and out.

mod login;
mod logout;
mod me;
mod refresh;

use axum::{
    Router,
    routing::{get, post},
};

use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/auth/login", post(login::handle))
        .route("/auth/refresh", post(refresh::handle))
        .route("/auth/logout", post(logout::handle))
        .route("/auth/me", get(me::handle))
}
