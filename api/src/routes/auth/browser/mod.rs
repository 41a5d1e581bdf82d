//! Sessions of web pages, whose refresh token is in a cookie that no script can read.
//!
//! A cookie comes with whatever request a browser makes, also where another site's page had it made.
//! So these routes, the only ones that look at the cookie, take requests of our own pages only
//! ([`OwnPage`]). All other routes ask for the `Authorization` header, which no browser sends by
//! itself.

mod login;
mod logout;
mod refresh;

use axum::response::Response;
use nexavpn_commands::Secret;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::session::Tokens;
use crate::{
    App, BASE_PATH,
    auth::{ACCESS_TOKEN_LIFETIME, Origin, OwnPage, TokenCookie},
    error::ApiError,
    routes::views::UserSummary,
};

/// The cookie's name.
pub(crate) const COOKIE: &str = "nexavpn_refresh";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login::handle))
        .routes(routes!(refresh::handle))
        .routes(routes!(logout::handle))
}

/// A session of a web page. Its refresh token is in a cookie.
#[derive(Serialize, ToSchema)]
struct BrowserSession {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    user: UserSummary,
    password_change_required: bool,
}

impl From<Tokens> for BrowserSession {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: ACCESS_TOKEN_LIFETIME,
            user: tokens.user,
            password_change_required: tokens.password_change_required,
        }
    }
}

/// The browser's cookie, which these routes alone are sent.
fn cookie() -> TokenCookie {
    TokenCookie { name: COOKIE, path: format!("{BASE_PATH}/auth/browser") }
}

/// Gives the browser its next token, for as long as the session lasts without a login.
fn keep(
    response: &mut Response,
    token: &Secret,
    app: &App,
    origin: Origin,
) -> Result<(), ApiError> {
    let lifetime = app.commands.settings().session_lifetime.num_seconds();
    cookie().keep(response, token.expose(), lifetime, origin)
}
