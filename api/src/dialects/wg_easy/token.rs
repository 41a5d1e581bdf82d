//! A session's token: a JWT that opens this dialect and nothing else, in a header or in the cookie
//! that every client of wg-easy keeps.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use cookie::{Cookie, SameSite};

use crate::{
    auth::{Origin, TokenUse},
    error::ApiError,
};

/// The cookie's name.
const COOKIE: &str = "connect.sid";

/// The token in the `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token in the cookie.
pub(super) fn from_cookie(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
    let mut cookies = values.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == COOKIE).map(|cookie| cookie.value().to_owned())
}

/// Gives the client its token for later.
pub(super) fn keep(response: &mut Response, token: &str, origin: Origin) -> Result<(), ApiError> {
    let mut cookie = bare(token.to_owned(), origin);
    let lifetime = TokenUse::WgEasy.lifetime();
    cookie.set_max_age(cookie::time::Duration::seconds(lifetime));
    set(response, &cookie)
}

/// Takes the token from the client.
pub(super) fn forget(response: &mut Response, origin: Origin) -> Result<(), ApiError> {
    let mut cookie = bare(String::new(), origin);
    cookie.make_removal();
    set(response, &cookie)
}

/// `Secure` where the client speaks TLS; where it does not, it would not send such a cookie.
fn bare(value: String, origin: Origin) -> Cookie<'static> {
    Cookie::build((COOKIE, value))
        .path("/")
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
