//! `GET /admin/gateways/{id}/sync`

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nexavpn_bundle::Envelope;
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::PublishError;

use crate::{App, error::ApiError, extract::Path};

/// What marks the ETag of a compressed bundle: a strong ETag stands for exact bytes.
const GZIP_MARK: &str = "-gzip\"";

/// The gateway's newest signed bundle; 304 without a body where `If-None-Match` names it.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/sync",
    operation_id = "gateways_sync",
    tag = "gateways",
    responses((status = 200, description = "The signed bundle.", body = Envelope), (status = 409, description = "`history_lost`: the gateway has applied a bundle that this control plane does not know"),
        (status = 304, description = "The newest bundle is the one that `If-None-Match` names.")),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let bundle = app.publisher.bundle(id, app.commands.now()).await.map_err(refused)?;
    let etag = HeaderValue::from_str(&bundle.etag).map_err(|e| ApiError::internal(&e))?;
    let vary = HeaderValue::from_name(header::ACCEPT_ENCODING);
    if let Some(named) = matching(&headers, &bundle.etag) {
        let headers = [(header::ETAG, named), (header::VARY, vary)];
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let json = HeaderValue::from_static("application/json");
    let headers = [(header::ETAG, etag), (header::CONTENT_TYPE, json)];
    Ok((headers, bundle.body.clone()).into_response())
}

/// The tag of `If-None-Match` that stands for this bundle, compressed or not.
fn matching(headers: &HeaderMap, etag: &str) -> Option<HeaderValue> {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let tag = values.flat_map(|v| v.split(',')).map(str::trim).find(|tag| {
        // If-None-Match compares weakly (RFC 9110, 13.1.2).
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag == etag || compressed(etag).is_some_and(|c| c == tag)
    })?;
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    HeaderValue::from_str(if tag == "*" { etag } else { tag }).ok()
}

fn compressed(etag: &str) -> Option<String> {
    etag.strip_suffix('"').map(|open| format!("{open}{GZIP_MARK}"))
}

/// Lets the ETag of a compressed answer say so.
pub(super) async fn name_encoding(mut response: Response) -> Response {
    let gzip = response.headers().get(header::CONTENT_ENCODING).is_some_and(|e| e == "gzip");
    let etag = response.headers().get(header::ETAG).and_then(|e| e.to_str().ok());
    let marked = etag.filter(|_| gzip).and_then(compressed);
    if let Some(value) = marked.and_then(|etag| HeaderValue::from_str(&etag).ok()) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// Why there is no bundle; the node keeps enforcing the one it has.
fn refused(error: PublishError) -> ApiError {
    let message = error.to_string();
    match error {
        PublishError::UnknownGateway => ApiError::not_found("gateway"),
        PublishError::HistoryLost => ApiError::new(StatusCode::CONFLICT, "history_lost", message),
        PublishError::CatchingUp => ApiError::unavailable("catching_up", message, 1),
        PublishError::Stopped { .. } => ApiError::unavailable("not_live", message, 30),
        PublishError::NotAccepted { .. } => {
            ApiError::unavailable("restore_not_accepted", message, 60)
        }
        PublishError::NoSigningKey => ApiError::unavailable("not_ready", message, 5),
        PublishError::Database(e) => e.into(),
        PublishError::Interrupted => ApiError::unavailable("busy", message, 1),
        PublishError::Signing(_)
        | PublishError::Invalid(_)
        | PublishError::Contradiction { .. } => ApiError::internal(&message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(named: &'static str) -> Option<String> {
        let named = HeaderValue::from_static(named);
        let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, named)]);
        matching(&headers, "\"1.2.k\"").map(|v| v.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_tag_matches_in_either_encoding() {
        let plain = Some("\"1.2.k\"".to_owned());
        assert_eq!(matched("\"1.2.k\""), plain);
        assert_eq!(matched("W/\"1.2.k\""), plain);
        assert_eq!(matched("*"), plain);
        assert_eq!(matched("\"1.1.k\", \"1.2.k-gzip\""), Some("\"1.2.k-gzip\"".to_owned()));
        assert_eq!(matched("\"1.1.k\""), None);
        assert_eq!(matched("1.2.k"), None);
    }
}
