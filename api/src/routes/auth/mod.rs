//! Signing in and out.

mod login;
mod logout;
mod me;
mod refresh;

use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;

use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/auth/login", post(login::handle))
        .route("/auth/refresh", post(refresh::handle))
        .route("/auth/logout", post(logout::handle))
        .route("/auth/me", get(me::handle))
}
