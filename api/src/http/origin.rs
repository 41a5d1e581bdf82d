//! The outermost layer: every request has an id, an address and one line in the log.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnetwork::IpNetwork;
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use crate::{App, auth::Origin, error::ErrorBody};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    // A caller's own id is taken where it is a UUID, so that it finds its request in our log.
    let given = request.headers().get(REQUEST_ID).and_then(|v| v.to_str().ok()?.parse().ok());
    let request_id: Uuid = given.unwrap_or_else(|| app.commands.new_id());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
    let trusted = &app.http.trusted_proxies;
    let address = peer.map(|p| client_address(p, request.headers(), trusted));
    let tls = app.tls.is_some() || peer.is_some_and(|p| proxied_tls(p, request.headers(), trusted));
    request.extensions_mut().insert(Origin { request_id, address, tls });

    let method = request.method().clone();
    // The path only: a query may hold what somebody typed.
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", %request_id);
    let started = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let response = with_request_id(response, request_id);
    let (status, ms) = (response.status().as_u16(), started.elapsed().as_millis());
    span.in_scope(|| tracing::debug!(%method, path, status, ms, "answered"));
    response
}

/// The client's address: the peer's, unless that is a proxy we trust, which says whom it speaks
/// for. The rightmost address that is no trusted proxy counts; what is left of it anybody can
/// write.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNetwork]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|n| n.contains(ip));
    if !is_trusted(peer) {
        return peer.to_canonical();
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().rev();
    let hops = forwarded.filter_map(|v| v.to_str().ok()).flat_map(|v| v.rsplit(','));
    let mut client = peer;
    for hop in hops {
        let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
        client = ip;
        if !is_trusted(ip) {
            break;
        }
    }
    client.to_canonical()
}

/// Whether a proxy that we trust was spoken to with TLS. With several in a row the client's is one of
/// them; whoever else writes the header fools itself only.
fn proxied_tls(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNetwork]) -> bool {
    let hops = headers.get_all("x-forwarded-proto").iter().filter_map(|v| v.to_str().ok());
    trusted.iter().any(|n| n.contains(peer))
        && hops.flat_map(|v| v.split(',')).any(|hop| hop.trim().eq_ignore_ascii_case("https"))
}

/// Names the request in the header and in the body of an error.
fn with_request_id(mut response: Response, id: Uuid) -> Response {
    if let Some(mut body) = response.extensions_mut().remove::<ErrorBody>() {
        body.error.request_id = Some(id.to_string());
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        let mut complete = axum::Json(body).into_response();
        *complete.status_mut() = parts.status;
        for (name, value) in &parts.headers {
            complete.headers_mut().append(name.clone(), value.clone());
        }
        response = complete;
    }
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        let trusted: Vec<IpNetwork> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(from("198.51.100.7", &["203.0.113.1"], &[]), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["203.0.113.1"], &["10.0.0.0/8"]), "203.0.113.1");
        // What the client itself wrote stands left of what the proxy added.
        assert_eq!(from("10.0.0.1", &["127.0.0.1, 203.0.113.1"], &["10.0.0.0/8"]), "203.0.113.1");
        assert_eq!(
            from("10.0.0.1", &["127.0.0.1", "203.0.113.1, 10.0.0.2"], &["10.0.0.0/8"]),
            "203.0.113.1"
        );
        assert_eq!(from("10.0.0.1", &["nonsense"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn tls_is_what_a_trusted_proxy_says() {
        let tls = |peer: &str, said: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append("x-forwarded-proto", HeaderValue::from_static(value));
            }
            proxied_tls(peer.parse().unwrap(), &headers, &["10.0.0.0/8".parse().unwrap()])
        };
        assert!(tls("10.0.0.1", &["https"]));
        assert!(tls("10.0.0.1", &["HTTPS, http"]));
        assert!(tls("10.0.0.1", &["http", "https"]));
        assert!(!tls("10.0.0.1", &["http"]));
        assert!(!tls("10.0.0.1", &[]));
        assert!(!tls("198.51.100.7", &["https"]));
    }
}
