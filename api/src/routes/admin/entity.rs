//! How single entities are answered.

use std::fmt::Display;

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;

use crate::{BASE_PATH, consistency::Settled, error::ApiError, routes::views::DeviceView};

/// What has a version, which is its ETag and which `If-Match` takes.
pub(in crate::routes) trait Entity: Serialize {
    /// The aggregate's sequence.
    fn version(&self) -> i64;
}

impl Entity for DeviceView {
    fn version(&self) -> i64 {
        self.version
    }
}

/// 200 with the entity.
pub(in crate::routes) fn entity(entity: &impl Entity) -> Response {
    (etag(entity), axum::Json(entity)).into_response()
}

/// 200 with the entity after a change.
pub(in crate::routes) fn changed(
    settled: Settled,
    id: impl Display,
    view: Result<impl Entity, ApiError>,
) -> Result<Response, ApiError> {
    settled.answer_or(view.map(|view| entity(&view)), axum::Json(json!({ "id": id.to_string() })))
}

/// 201 with the entity and where it is from now on.
pub(super) fn created(
    settled: Settled,
    collection: &str,
    id: impl Display,
    view: Result<impl Entity, ApiError>,
) -> Result<Response, ApiError> {
    let location = [(header::LOCATION, format!("{BASE_PATH}/admin/{collection}/{id}"))];
    let whole = view.map(|view| {
        (StatusCode::CREATED, location.clone(), etag(&view), axum::Json(view)).into_response()
    });
    let bare = axum::Json(json!({ "id": id.to_string() }));
    settled.answer_or(whole, (StatusCode::CREATED, location, bare))
}

fn etag(entity: &impl Entity) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{}\"", entity.version()))]
}
