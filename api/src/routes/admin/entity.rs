//! How single entities are answered.

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::BASE_PATH;

/// The entity with its version as the ETag, which `If-Match` takes.
pub(super) fn entity(version: i64, view: impl Serialize) -> Response {
    (etag(version), axum::Json(view)).into_response()
}

/// 201 with the entity and where it is from now on.
pub(super) fn created(
    collection: &str,
    id: impl std::fmt::Display,
    version: i64,
    view: impl Serialize,
) -> Response {
    let location = [(header::LOCATION, format!("{BASE_PATH}/admin/{collection}/{id}"))];
    (StatusCode::CREATED, location, etag(version), axum::Json(view)).into_response()
}

fn etag(version: i64) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{version}\""))]
}
