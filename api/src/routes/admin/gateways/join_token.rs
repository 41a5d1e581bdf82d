//! `POST /admin/gateways/{id}/join-token`

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use nexavpn_bundle::JoinToken;
use nexavpn_domain::ids::GatewayId;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{
    App, auth::Caller, error::ApiError, extract::Path, idempotency::shows_secrets, serve::Tls,
};

/// The token, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = JoinToken)]
pub(super) struct Issued {
    token: String,
    expires_at: DateTime<Utc>,
    /// What to run on the node.
    command: String,
}

/// Makes a token with which one node can become this gateway, once and within the hour. The token
/// before it is void.
#[utoipa::path(
    post,
    path = "/admin/gateways/{id}/join-token",
    operation_id = "gateways_issue_join_token",
    tag = "gateways",
    responses((status = 201, description = "The token, shown this once.", body = Issued)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<GatewayId>,
) -> Result<Response, ApiError> {
    let not_ready = || {
        let message = "there is no bundle-signing key yet: try again";
        ApiError::unavailable("not_ready", message, 5)
    };
    let key_id = app.fleet.read(|f| f.signing_key().map(ToOwned::to_owned));
    let key_id = key_id.ok_or_else(not_ready)?;
    let key = app.keys.verifying_key(&key_id).await.map_err(|e| ApiError::internal(&e))?;
    let done = app.commands.issue_join_token(&caller.request, id).await?;
    let secret = URL_SAFE_NO_PAD.decode(done.value.secret.expose()).ok();
    let secret = secret.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let token = JoinToken {
        gateway_id: id.to_string(),
        secret: secret.ok_or_else(|| ApiError::internal(&"a join token of another length"))?,
        signing_key_sha256: Sha256::digest(key.as_bytes()).into(),
        tls_cert_sha256: own_certificate(&app, &headers),
    }
    .expose();
    let settled = app.settle(done.position).await;
    let command = format!("nexavpn-gateway join {} {token}", own_url(&headers, app.tls.is_some()));
    let issued = Issued { token, expires_at: done.value.expires_at, command };
    let answer = (StatusCode::CREATED, axum::Json(issued)).into_response();
    Ok(settled.answer(shows_secrets(answer, &["/token", "/command"])))
}

/// What the node has to find, where no authority that it knows vouches for our certificate. Behind a
/// proxy it meets the proxy's.
fn own_certificate(app: &App, headers: &HeaderMap) -> Option<[u8; 32]> {
    let proxied = ["forwarded", "x-forwarded-for", "x-forwarded-proto"];
    let direct = !proxied.iter().any(|name| headers.contains_key(*name));
    app.tls.as_ref().filter(|_| direct).and_then(Tls::pin)
}

/// Where the caller reached us, which is a good guess at where the node will.
fn own_url(headers: &HeaderMap, tls: bool) -> String {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let https = tls || text("x-forwarded-proto").is_some_and(|p| p.eq_ignore_ascii_case("https"));
    // The line is pasted into a shell: take nothing that a shell would take otherwise.
    let plain = |h: &&str| {
        !h.is_empty() && h.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
    };
    let host = text(header::HOST.as_str()).filter(plain).unwrap_or("<this-host>");
    format!("{}://{host}", if https { "https" } else { "http" })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn url(host: &'static str, proto: Option<&'static str>) -> String {
        let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
        if let Some(proto) = proto {
            headers.insert("x-forwarded-proto", HeaderValue::from_static(proto));
        }
        own_url(&headers, false)
    }

    #[test]
    fn the_command_names_the_url_that_the_admin_uses() {
        assert_eq!(url("127.0.0.1:8080", None), "http://127.0.0.1:8080");
        assert_eq!(url("vpn.example.com", Some("https")), "https://vpn.example.com");
        assert_eq!(url("[::1]:8080", None), "http://[::1]:8080");
        assert_eq!(url("x;reboot", None), "http://<this-host>");
    }
}
