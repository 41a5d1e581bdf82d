//! Answers as they are kept and given again.

use axum::{
    Json,
    body::{Body, Bytes, to_bytes},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use nexavpn_commands::Recorded;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{consistency, error::ApiError};

/// The largest body that is kept; a repeat of a larger one is answered from the record.
const KEPT_BODY: usize = 2 * 1024 * 1024;
/// Beside `null` in the place of a secret that the first answer has shown.
const SHOWN: &str = "secret_already_shown";
/// The headers that belong to what is answered and not to the moment.
const KEPT_HEADERS: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_DISPOSITION,
    header::ETAG,
    header::LOCATION,
    HeaderName::from_static(consistency::TOKEN),
];

/// Where in an answer there are secrets.
#[derive(Debug, Clone, Copy)]
struct Secrets(&'static [&'static str]);

/// Says where in the answer's JSON (RFC 6901 pointers) there are secrets: they are shown this
/// once, and what is kept of the answer has null in their place.
pub(crate) fn shows_secrets(mut response: Response, places: &'static [&'static str]) -> Response {
    response.extensions_mut().insert(Secrets(places));
    response
}

/// Whether a request may have been answered with a secret, where its answer is lost.
fn may_show_secrets(pattern: &str, body: &Bytes) -> bool {
    let asked = |body: &Bytes| {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        body.get("generate_key") == Some(&Value::Bool(true))
    };
    let shows = ["/join-token", "/rotate-secret", "/admin/webhooks"];
    shows.iter().any(|route| pattern.ends_with(route)) || asked(body)
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    /// In base64.
    body: String,
}

/// Takes a copy of an answer, without its secrets; none of one that is too large, or that was
/// given before reads had caught up.
pub(super) async fn keep(answer: Response) -> (Response, Option<Vec<u8>>) {
    let (parts, body) = answer.into_parts();
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => return (ApiError::internal(&error).into_response(), None),
    };
    let pending = parts.headers.contains_key(consistency::CONSISTENCY);
    let shown = parts.extensions.get::<Secrets>().map(|secrets| secrets.0);
    let copy = match shown {
        None => Some(body.to_vec()),
        Some(places) => without(&body, places),
    };
    let kept = copy.filter(|copy| copy.len() <= KEPT_BODY && !pending).and_then(|copy| {
        let text = |name: &HeaderName| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        };
        let headers = KEPT_HEADERS.iter().filter_map(text).collect();
        let body = BASE64_STANDARD.encode(copy);
        serde_json::to_vec(&Kept { status: parts.status.as_u16(), headers, body }).ok()
    });
    (Response::from_parts(parts, Body::from(body)), kept)
}

/// The JSON with null in these places; nothing at all where it is no object.
fn without(body: &[u8], places: &[&str]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    for place in places {
        if let Some(secret) = value.pointer_mut(place) {
            *secret = Value::Null;
        }
    }
    value.as_object_mut()?.insert(SHOWN.to_owned(), Value::Bool(true));
    serde_json::to_vec(&value).ok()
}

impl Kept {
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl IntoResponse for Kept {
    fn into_response(self) -> Response {
        let body = BASE64_STANDARD.decode(self.body).unwrap_or_default();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = (status, Body::from(body)).into_response();
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// What can be answered of a request that happened and whose answer is lost. As where reads are
/// behind, it names what was made or changed, and the header says that there is more to read. None
/// where that is not on record: of what changed nothing, or did many things.
pub(super) fn bare(recorded: &Recorded, pattern: &str, request: &Bytes) -> Option<Response> {
    let status = StatusCode::from_u16(recorded.status).unwrap_or(StatusCode::OK);
    let mut response = if status == StatusCode::NO_CONTENT {
        status.into_response()
    } else {
        let mut body = Map::from_iter([named(pattern, recorded.entity_id?)?]);
        if may_show_secrets(pattern, request) {
            body.insert(SHOWN.to_owned(), Value::Bool(true));
        }
        (status, Json(body)).into_response()
    };
    let pending = HeaderValue::from_static("pending");
    response.headers_mut().insert(consistency::CONSISTENCY, pending);
    Some(response)
}

/// How a route names what it has made or changed, where that is all that it can say.
fn named(pattern: &str, id: Uuid) -> Option<(String, Value)> {
    let ends = |routes: &[&str]| routes.iter().any(|route| pattern.ends_with(route));
    let (name, value) = if ends(&["/bulk"]) {
        return None;
    } else if ends(&["/devices", "/enroll", "/key"]) {
        // An enrolment's answer holds the device among other things.
        ("device", json!({ "id": id }))
    } else if ends(&["/drain", "/key-rotation", "/key-rotation/switch"]) {
        ("gateway_id", json!(id))
    } else {
        ("id", json!(id))
    };
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kept_answer_is_the_same_but_for_its_secrets() {
        let body = json!({ "token": "s3cret", "deep": { "key": "s3cret", "open": 1 } });
        let headers = [(header::ETAG, "\"4\""), (header::SERVER, "x")];
        let answer = (StatusCode::CREATED, headers, Json(&body)).into_response();
        let answer = shows_secrets(answer, &["/token", "/deep/key", "/not/there"]);
        let (answer, kept) = keep(answer).await;
        let shown = to_bytes(answer.into_body(), 1000).await.unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&shown).unwrap(), body);
        let kept = kept.unwrap();
        assert!(!String::from_utf8_lossy(&kept).contains("s3cret"));
        let again = Kept::from_bytes(&kept).unwrap().into_response();
        assert_eq!(again.status(), StatusCode::CREATED);
        assert_eq!(again.headers()[header::ETAG], "\"4\"");
        assert!(!again.headers().contains_key(header::SERVER));
        let again = to_bytes(again.into_body(), 1000).await.unwrap();
        let expected = json!({
            "token": null, "deep": { "key": null, "open": 1 }, "secret_already_shown": true,
        });
        assert_eq!(serde_json::from_slice::<Value>(&again).unwrap(), expected);
    }
}
