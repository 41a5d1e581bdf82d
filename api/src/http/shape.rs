//! Errors in the shape of the API that a request was sent to. What stands around all routes, or ends
//! them, makes errors of ours; below a dialect's paths these become the dialect's.

use std::{collections::HashSet, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderName, header},
    middleware::Next,
    response::Response,
};

use super::is_below;
use crate::{dialects::Shape, error::ApiError};

/// Puts every error of ours into the shape of the one below whose paths the request's is.
pub(super) async fn layer(
    State(shapes): State<Arc<[Shape]>>,
    request: Request,
    next: Next,
) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    let Some(shape) = shapes.iter().find(|shape| shape.is_of(uri.path())) else { return response };
    let Some(error) = ApiError::take_from(&mut response) else { return response };
    let mut shaped = (shape.error)(error);
    // What others have said besides stays, such as where the client stands.
    let own: HashSet<HeaderName> = shaped.headers().keys().cloned().collect();
    for (name, value) in response.headers() {
        if *name != header::CONTENT_LENGTH && !own.contains(name) {
            shaped.headers_mut().append(name, value.clone());
        }
    }
    shaped
}

impl Shape {
    fn is_of(&self, path: &str) -> bool {
        self.paths.iter().any(|own| is_below(path, own))
    }
}
