//! The router and its layers.

mod health;
mod origin;

use std::time::Duration;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::IntoResponse,
};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, set_header::SetResponseHeaderLayer,
};

use crate::{App, BASE_PATH, auth, consistency, error::ApiError, routes};

/// Everything that the control plane answers.
pub fn router(app: App) -> Router {
    let body_limit = app.http.body_limit;
    let timeout = app.http.timeout;
    let native = routes::native()
        .layer(middleware::from_fn_with_state(app.clone(), consistency::wait_for_token))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::authorise))
        .method_not_allowed_fallback(method_not_allowed);
    Router::new()
        .nest(BASE_PATH, native)
        .merge(health::routes())
        .fallback(nothing_here)
        .layer(middleware::from_fn(move |request, next: middleware::Next| async move {
            within(timeout, next.run(request)).await
        }))
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            ApiError::internal(&"a handler panicked").into_response()
        }))
        .layer(middleware::from_fn_with_state(app.clone(), origin::layer))
        .layer(header_layer(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header_layer(header::X_FRAME_OPTIONS, "DENY"))
        .layer(header_layer(header::REFERRER_POLICY, "no-referrer"))
        .layer(header_layer(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ))
        // Answers hold secrets and decisions: no cache keeps them.
        .layer(header_layer(header::CACHE_CONTROL, "no-store"))
        .layer(CompressionLayer::new())
        .with_state(app)
}

fn header_layer(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

async fn within<F: Future<Output = axum::response::Response>>(
    timeout: Duration,
    answer: F,
) -> axum::response::Response {
    match tokio::time::timeout(timeout, answer).await {
        Ok(response) => response,
        Err(_) => ApiError::unavailable("timeout", "the request took too long: try again", 1)
            .into_response(),
    }
}

async fn nothing_here() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this address does not take that method; the Allow header names those it takes",
    )
}
