//! A session's token: a JWT that opens this dialect and nothing else, in a header or in the cookie
//! that every client of wg-easy keeps.

use axum::http::{HeaderMap, header};

use crate::auth::TokenCookie;

/// The cookie of wg-easy.
pub(super) fn cookie() -> TokenCookie {
    TokenCookie { name: "connect.sid", path: "/".to_owned() }
}

/// The token in the `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
