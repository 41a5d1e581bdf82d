//! Extractors whose refusals speak the contract's JSON.

use axum::{
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    http::{StatusCode, header, request::Parts},
};
use nexavpn_domain::DomainError;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{error::ApiError, http::TooSlow};

/// A JSON body. Each refusal names the field.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let json = request.headers().get(header::CONTENT_TYPE).is_none_or(|t| {
            t.to_str().is_ok_and(|t| {
                let essence = t.split(';').next().unwrap_or_default().trim();
                essence.eq_ignore_ascii_case("application/json")
            })
        });
        if !json {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the body as application/json",
            ));
        }
        let bytes = axum::body::Bytes::from_request(request, state).await.map_err(body_refused)?;
        parse(&bytes).map(Self)
    }
}

pub(crate) fn body_too_large() -> ApiError {
    let message = "the body is larger than this route takes";
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
}

/// Why a body was not taken.
pub(crate) fn body_refused(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return body_too_large();
    }
    if TooSlow::caused(&rejection) {
        let message = "the body did not arrive in time";
        return ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", message);
    }
    ApiError::new(StatusCode::BAD_REQUEST, "validation_error", "the body could not be read")
}

/// A part of a body that was read as JSON before. Each refusal names the field.
///
/// # Errors
/// 400.
pub(crate) fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|e| {
        let path = e.path().to_string();
        refused(&path, e.inner())
    })
}

/// A body as JSON.
///
/// # Errors
/// 400 naming the field.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let empty: &[u8] = b"{}";
    let bytes = if bytes.is_empty() { empty } else { bytes };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|e| {
        let path = e.path().to_string();
        refused(&path, e.inner())
    })?;
    deserializer.end().map_err(|e| refused("body", &e))?;
    Ok(value)
}

/// Says which field is wrong and how, without repeating its value, which may be a secret.
fn refused(path: &str, e: &serde_json::Error) -> ApiError {
    if e.is_syntax() || e.is_eof() || e.is_io() {
        let place = format!("is not valid JSON (line {}, column {})", e.line(), e.column());
        return DomainError::field("body", place).into();
    }
    let text = e.to_string();
    let named = |prefix: &str| {
        let rest = text.strip_prefix(prefix)?;
        rest.split('`').next().map(ToOwned::to_owned)
    };
    let join = |name: &str| {
        if path.is_empty() || path == "." { name.to_owned() } else { format!("{path}.{name}") }
    };
    if let Some(name) = named("missing field `") {
        return required(&join(&name));
    }
    if let Some(name) = named("unknown field `") {
        // serde's path already ends in the unknown field's name.
        let field = if path.ends_with(&name) { path.to_owned() } else { join(&name) };
        return DomainError::field(field, "is not a field of this request").into();
    }
    let field = if path.is_empty() || path == "." { "body" } else { path };
    let expected = text
        .rsplit_once("expected ")
        .map(|(_, rest)| rest.split(" at line ").next().unwrap_or(rest).to_owned());
    match expected {
        Some(expected) => DomainError::field(field, format!("must be {expected}")).into(),
        None => DomainError::field(field, "is not valid").into(),
    }
}

/// 400 in the contract's words: `public_key is required`.
#[must_use]
pub fn required(field: &str) -> ApiError {
    DomainError::Validation(vec![nexavpn_domain::FieldError::new(field, "is required")]).into()
}

/// Path parameters; one that is no id of ours names nothing, so it is 404.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|_| {
            ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
        })
    }
}

/// Query parameters.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(value)| Self(value)).map_err(|e| {
            let text = e.body_text();
            let text = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, t)| t);
            DomainError::field("query", text).into()
        })
    }
}

/// Tells a field that is `null` from one that was left out (with `#[serde(default)]`).
///
/// # Errors
/// Those of the inner type.
pub fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
