//! `GET /openapi.json`

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, openapi};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(handle))
}

/// This document. `/docs` shows it in a browser.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "document_get",
    tag = "document",
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = Object)),
)]
async fn handle() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi::text()).into_response()
}
