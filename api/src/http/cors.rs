//! Pages of other origins may call us where an operator says so.

use std::{str::FromStr, time::Duration};

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use serde::Deserialize;
use tower_http::cors::CorsLayer;

/// How long a browser may remember what it was told.
const MAX_AGE: Duration = Duration::from_secs(600);

/// The origin of a web page: `https://host` or `https://host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CorsOrigin(HeaderValue);

impl FromStr for CorsOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let not_one = || format!("{text:?} is not an origin such as https://admin.example.com");
        let uri: Uri = text.parse().map_err(|_| not_one())?;
        let authority =
            uri.authority().filter(|a| !a.as_str().contains(['@', '*'])).ok_or_else(not_one)?;
        let scheme = uri.scheme_str().filter(|s| ["http", "https"].contains(s));
        // As a browser writes it: nothing after the port.
        let whole = format!("{}://{authority}", scheme.ok_or_else(not_one)?).to_lowercase();
        if whole != text {
            return Err(not_one());
        }
        HeaderValue::try_from(whole).map(Self).map_err(|_| not_one())
    }
}

impl TryFrom<String> for CorsOrigin {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The layer; tokens travel in a header, so that cookies are never asked for.
pub(super) fn layer(origins: &[CorsOrigin]) -> CorsLayer {
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(origins.iter().map(|origin| origin.0.clone()).collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            name("idempotency-key"),
            name("x-consistency-token"),
            name("x-reason"),
            name("x-request-id"),
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::CONTENT_DISPOSITION,
            header::RETRY_AFTER,
            name("idempotency-replayed"),
            name("x-consistency"),
            name("x-consistency-token"),
            name("x-ratelimit-limit"),
            name("x-ratelimit-remaining"),
            name("x-ratelimit-reset"),
            name("x-request-id"),
        ])
        .max_age(MAX_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_origins_are_taken() {
        for good in ["https://admin.example.com", "http://localhost:5173", "https://[::1]:8443"] {
            assert!(good.parse::<CorsOrigin>().is_ok(), "{good}");
        }
        for bad in [
            "*",
            "",
            "null",
            "admin.example.com",
            "https://a.b/",
            "https://a.b/x",
            "https://*",
            "ftp://a.b",
            "https://user@a.b",
            "https://A.b",
        ] {
            assert!(bad.parse::<CorsOrigin>().is_err(), "{bad}");
        }
    }
}
