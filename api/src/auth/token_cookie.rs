//! A token in a cookie that no script can read.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use cookie::{Cookie, SameSite};
use nexavpn_commands::Secret;

use super::Origin;
use crate::error::ApiError;

/// A cookie that holds a token.
pub(crate) struct TokenCookie {
    /// Its name.
    pub(crate) name: &'static str,
    /// Where it is sent to.
    pub(crate) path: String,
}

impl TokenCookie {
    /// The token that came with a request.
    pub(crate) fn sent(&self, headers: &HeaderMap) -> Option<Secret> {
        let values = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
        let mut cookies = values.flat_map(Cookie::split_parse).filter_map(Result::ok);
        cookies.find(|cookie| cookie.name() == self.name).map(|cookie| Secret::new(cookie.value()))
    }

    /// Gives the client its next token, for so many seconds.
    ///
    /// # Errors
    /// Where the token cannot be in a header.
    pub(crate) fn keep(
        &self,
        response: &mut Response,
        token: &str,
        seconds: i64,
        origin: Origin,
    ) -> Result<(), ApiError> {
        let mut cookie = self.bare(token.to_owned(), origin);
        cookie.set_max_age(cookie::time::Duration::seconds(seconds));
        set(response, &cookie)
    }

    /// Takes the token from the client.
    ///
    /// # Errors
    /// As [`TokenCookie::keep`].
    pub(crate) fn forget(&self, response: &mut Response, origin: Origin) -> Result<(), ApiError> {
        let mut cookie = self.bare(String::new(), origin);
        cookie.make_removal();
        set(response, &cookie)
    }

    /// `Secure` where the client speaks TLS; where it does not, it would not send such a cookie.
    fn bare(&self, value: String, origin: Origin) -> Cookie<'static> {
        Cookie::build((self.name, value))
            .path(self.path.clone())
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(origin.tls)
            .build()
    }
}

fn set(response: &mut Response, cookie: &Cookie<'_>) -> Result<(), ApiError> {
    let value = HeaderValue::try_from(cookie.to_string());
    let mut value = value.map_err(|error| ApiError::internal(&error))?;
    value.set_sensitive(true);
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}
