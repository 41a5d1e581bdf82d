//! Requests of our own pages, told from those of other sites' pages.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, Uri, header, request::Parts},
};

use crate::error::ApiError;

const FETCH_SITE: &str = "sec-fetch-site";

/// Shows that a request comes from a page of ours, from the address bar, or from no browser at all.
///
/// Browsers say so in `Sec-Fetch-Site`, and those that do not know it, or speak plain HTTP, name the
/// page's origin in `Origin`. What has neither header is no page's request. (As
/// `CrossOriginProtection` does in Go's net/http.)
pub(crate) struct OwnPage;

impl<S: Send + Sync> FromRequestParts<S> for OwnPage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        if is_own(&parts.headers) {
            return Ok(Self);
        }
        let message = "another site's page may not sign in or out here";
        Err(ApiError::new(StatusCode::FORBIDDEN, "cross_site", message))
    }
}

/// Whether these headers come with a request of our own pages, or of no page.
pub(crate) fn is_own(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(FETCH_SITE).iter().peekable();
    if sites.peek().is_some() {
        return sites.all(|site| site == "same-origin" || site == "none");
    }
    let host = headers.get(header::HOST);
    headers.get_all(header::ORIGIN).iter().all(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        let origin = origin.as_ref().and_then(Uri::authority);
        let host = host.and_then(|host| host.to_str().ok());
        origin.zip(host).is_some_and(|(origin, host)| origin.as_str().eq_ignore_ascii_case(host))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn own(sent: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in sent.iter().chain(&[("host", "vpn.example.com:8443")]) {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        is_own(&headers)
    }

    #[test]
    fn what_the_browser_says_of_the_site_counts() {
        for site in ["same-origin", "none"] {
            assert!(own(&[("sec-fetch-site", site)]), "{site}");
            // A proxy may have changed the host.
            assert!(own(&[("sec-fetch-site", site), ("origin", "https://vpn.example.com")]));
        }
        for site in ["same-site", "cross-site", "", "Same-Origin"] {
            assert!(!own(&[("sec-fetch-site", site)]), "{site}");
            assert!(
                !own(&[("sec-fetch-site", site), ("origin", "https://vpn.example.com:8443")]),
                "{site}"
            );
        }
        assert!(!own(&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn without_it_the_origin_must_be_the_host() {
        assert!(own(&[]));
        for origin in ["https://vpn.example.com:8443", "http://VPN.example.com:8443"] {
            assert!(own(&[("origin", origin)]), "{origin}");
        }
        for origin in [
            "null",
            "",
            "https://vpn.example.com",
            "https://vpn.example.com:443",
            "https://evil.example",
            "https://vpn.example.com.evil.example:8443",
            "https://evil.example/vpn.example.com:8443",
            "vpn.example.com:8443@evil.example",
        ] {
            assert!(!own(&[("origin", origin)]), "{origin}");
        }
        let both = ["https://vpn.example.com:8443", "https://evil.example"];
        assert!(!own(&both.map(|origin| ("origin", origin))));
    }
}
