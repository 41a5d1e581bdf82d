//! Sessions of web pages, whose refresh token is in a cookie that no script can read.
//!
//! A cookie comes with whatever request a browser makes, also where another site's page had it made.
//! So these routes, the only ones that look at the cookie, take requests of our own pages only
//! ([`OwnPage`]). All other routes ask for the `Authorization` header, which no browser sends by
//! itself.

mod login;
mod logout;
mod refresh;

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use cookie::{Cookie, SameSite};
use nexavpn_commands::Secret;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::session::Tokens;
use crate::{
    App, BASE_PATH,
    auth::{ACCESS_TOKEN_LIFETIME, Origin, OwnPage},
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

/// The refresh token that the browser sent.
fn sent(headers: &HeaderMap) -> Option<Secret> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
    let mut cookies = values.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == COOKIE).map(|cookie| Secret::new(cookie.value()))
}

/// Gives the browser its next token, for as long as the session lasts without a login.
fn keep(
    response: &mut Response,
    token: &Secret,
    app: &App,
    origin: Origin,
) -> Result<(), ApiError> {
    let lifetime = app.commands.settings().session_lifetime.num_seconds();
    let mut cookie = bare(token.expose().to_owned(), origin);
    cookie.set_max_age(cookie::time::Duration::seconds(lifetime));
    set(response, &cookie)
}

/// Takes the token from the browser.
fn forget(response: &mut Response, origin: Origin) -> Result<(), ApiError> {
    let mut cookie = bare(String::new(), origin);
    cookie.make_removal();
    set(response, &cookie)
}

/// `Secure` where the browser speaks TLS; where it does not, it would not keep such a cookie.
fn bare(value: String, origin: Origin) -> Cookie<'static> {
    Cookie::build((COOKIE, value))
        .path(format!("{BASE_PATH}/auth/browser"))
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(origin.tls)
        .build()
}

fn set(response: &mut Response, cookie: &Cookie<'_>) -> Result<(), ApiError> {
    let value = HeaderValue::try_from(cookie.to_string());
    let mut value = value.map_err(|error| ApiError::internal(&error))?;
    value.set_sensitive(true);
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}
