//! Signing in and out.

mod browser;
mod login;
mod logout;
mod logout_all;
mod me;
mod refresh;
mod session;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

pub(crate) use browser::COOKIE;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login::handle))
        .routes(routes!(refresh::handle))
        .routes(routes!(logout::handle))
        .routes(routes!(logout_all::handle))
        .routes(routes!(me::handle))
        .merge(browser::routes())
}
