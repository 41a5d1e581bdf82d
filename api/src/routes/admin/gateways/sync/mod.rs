//! `GET /admin/gateways/{id}/sync`

mod newest;
pub(super) mod stream;

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nexavpn_bundle::{DeltaEnvelope, Envelope};
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::{PublishError, Published};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Path, Query},
};
use newest::Newest;

/// What marks the ETag of a compressed bundle: a strong ETag stands for exact bytes.
const GZIP_MARK: &str = "-gzip";
/// What marks the ETag of a delta; the revision that it begins at follows.
const DELTA_MARK: &str = "-since-";
/// The longest wait; shorter than any request may take.
const LONGEST_WAIT: Duration = Duration::from_secs(24);

/// What a gateway that has an earlier bundle asks.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The revision of the bundle that the gateway has. The answer is then a delta that leads from
    /// there to the newest one, where that is known and shorter.
    #[serde(default)]
    #[param(minimum = 0)]
    since: Option<i64>,
    /// For how many seconds the answer may be held back while `If-None-Match` names the newest
    /// bundle; 24 at most.
    #[serde(default)]
    wait: u16,
}

/// A bundle, or what leads to it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it tells the API's document the shape of the answer")]
#[schema(as = SyncAnswer)]
#[serde(untagged)]
enum Answer {
    Full(Envelope<'static>),
    Delta(Box<DeltaEnvelope>),
}

/// The gateway's newest signed bundle; 304 without a body where `If-None-Match` names it. With
/// `wait` the answer comes as soon as there is a newer one.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/sync",
    operation_id = "gateways_sync",
    tag = "gateways",
    params(Asked),
    responses((status = 200, description = "The signed bundle, or a delta that leads to it.", body = Answer), (status = 409, description = "`history_lost`: the gateway has applied a bundle that this control plane does not know"),
        (status = 304, description = "The newest bundle is the one that `If-None-Match` names.")),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GatewayId>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let until = Instant::now() + Duration::from_secs(asked.wait.into()).min(LONGEST_WAIT);
    let mut newest = Newest::new(&app, id, &caller, &headers);
    let held = |bundle: &Published| matching(&headers, &bundle.etag);
    let served = newest.other_than(asked.since, until, |bundle| held(bundle).is_some()).await?;
    if let Some(named) = held(&served.bundle) {
        let vary = HeaderValue::from_name(header::ACCEPT_ENCODING);
        let headers = [(header::ETAG, named), (header::VARY, vary)];
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let Published { etag, body, .. } = &*served.bundle;
    let (etag, body) = match (asked.since, served.delta) {
        (Some(since), Some(delta)) => (marked(etag, &format!("{DELTA_MARK}{since}")), delta),
        _ => (Some(etag.clone()), body.clone()),
    };
    let etag = etag.and_then(|etag| HeaderValue::from_str(&etag).ok());
    let etag = etag.ok_or_else(|| ApiError::internal(&"an ETag that is no header"))?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::ETAG, etag), (header::CONTENT_TYPE, json)], body).into_response())
}

/// The tag of `If-None-Match` that stands for this bundle: whole or as a delta, compressed or not.
fn matching(headers: &HeaderMap, etag: &str) -> Option<HeaderValue> {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let tag = values.flat_map(|v| v.split(',')).map(str::trim).find(|tag| {
        // If-None-Match compares weakly (RFC 9110, 13.1.2).
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || unmarked(tag) == etag.trim_end_matches('"')
    })?;
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    HeaderValue::from_str(if tag == "*" { etag } else { tag }).ok()
}

/// A tag without its last quote and without its marks.
fn unmarked(tag: &str) -> &str {
    let Some(open) = tag.strip_suffix('"') else { return tag };
    let open = open.strip_suffix(GZIP_MARK).unwrap_or(open);
    match open.rsplit_once(DELTA_MARK) {
        Some((before, base)) if base.bytes().all(|c| c.is_ascii_digit()) => before,
        _ => open,
    }
}

/// The tag with another mark.
fn marked(etag: &str, mark: &str) -> Option<String> {
    etag.strip_suffix('"').map(|open| format!("{open}{mark}\""))
}

/// Lets the ETag of a compressed answer say so.
pub(super) async fn name_encoding(mut response: Response) -> Response {
    let gzip = response.headers().get(header::CONTENT_ENCODING).is_some_and(|e| e == "gzip");
    let etag = response.headers().get(header::ETAG).and_then(|e| e.to_str().ok());
    let etag = etag.filter(|_| gzip).and_then(|etag| marked(etag, GZIP_MARK));
    if let Some(value) = etag.and_then(|etag| HeaderValue::from_str(&etag).ok()) {
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
        let delta = matched("\"1.2.k-since-17-gzip\"");
        assert_eq!(delta.as_deref(), Some("\"1.2.k-since-17-gzip\""));
        assert_eq!(matched("\"1.2.k-since-x\""), None);
        assert_eq!(matched("\"1.1.k\""), None);
        assert_eq!(matched("1.2.k"), None);
    }
}
