//! The router and its layers.

mod accept;
mod cors;
mod docs;
mod health;
mod limits;
mod metrics;
mod origin;
mod packed;
mod rates;
mod shape;
mod ui;

pub use cors::CorsOrigin;
pub(crate) use limits::TooSlow;
pub(crate) use packed::Packed;
pub use rates::Rates;
pub(crate) use rates::{Buckets, Client, Fills, LIMIT, Quota, REMAINING, RESET};

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header},
    middleware,
    response::{IntoResponse, Response},
};
use tower::util::option_layer;
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, DefaultPredicate, Predicate, predicate::SizeAbove},
    set_header::SetResponseHeaderLayer,
};
use tracing::Instrument as _;

use crate::{
    App, BASE_PATH, auth, consistency,
    dialects::wg_easy::{self, WgEasy},
    error::ApiError,
    idempotency, routes,
};

/// Everything that the control plane answers, in the wg-easy dialect too where that is switched on.
pub fn router(app: App, wg_easy: Option<WgEasy>) -> Router {
    let body_limit = app.http.body_limit;
    let timeout = app.http.timeout;
    let cors = (!app.http.cors_origins.is_empty()).then(|| cors::layer(&app.http.cors_origins));
    // A browser that has met us with TLS never speaks to us without it again.
    let hsts = app.tls.as_ref().map(|_| {
        header_layer(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains")
    });
    // Strangers are counted; a load balancer that asks how we are is not.
    let counted = middleware::from_fn_with_state(app.clone(), rates::by_address);
    let docs = docs::routes().route_layer(counted);
    let shapes: Arc<[_]> = wg_easy.iter().map(|_| wg_easy::shape()).collect();
    let (native, _) = routes::native().split_for_parts();
    let native = native
        .route_layer(middleware::from_fn_with_state(app.clone(), idempotency::layer))
        .route_layer(middleware::from_fn(own_body_limit))
        .layer(middleware::from_fn_with_state(app.clone(), consistency::wait_for_token))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::authorise))
        .method_not_allowed_fallback(method_not_allowed);
    Router::new()
        .nest(BASE_PATH, native)
        .merge(wg_easy.map(wg_easy::routes).unwrap_or_default())
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(docs)
        .fallback(ui::handle)
        .layer(middleware::from_fn(move |request, next: middleware::Next| async move {
            // Before the timeout, so that we can say what was slow.
            let request = limits::in_time(request, timeout.mul_f32(0.8));
            within(timeout, next.run(request)).await
        }))
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(middleware::from_fn(limits::head))
        .layer(middleware::from_fn_with_state(shapes, shape::layer))
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
        .layer(option_layer(hsts))
        .layer(option_layer(cors))
        .layer(compression())
        .with_state(app)
}

/// What fits in a packet of this size is not compressed.
const PACKET: u16 = 1400;

/// Marks an answer that is not to be compressed: it is already, or it is not worth it.
#[derive(Clone, Copy)]
pub(crate) struct AsItIs;

/// The fastest level, and nothing that fits in one packet: at the usual level a page of a list
/// costs more to compress than to read, and an answer of one entity more than to write.
fn compression() -> CompressionLayer<impl Predicate> {
    let open = |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| {
        extensions.get::<AsItIs>().is_none()
    };
    let worth_it = DefaultPredicate::new().and(SizeAbove::new(PACKET.into())).and(open);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth_it)
}

/// Some routes take larger bodies. Only who may call them gets here.
async fn own_body_limit(mut request: Request, next: middleware::Next) -> Response {
    let pattern = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let limit = pattern.and_then(|p| routes::body_limit(p.strip_prefix(BASE_PATH)?));
    if let Some(limit) = limit {
        DefaultBodyLimit::max(limit).apply(&mut request);
    }
    next.run(request).await
}

fn header_layer(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Answers in a task of its own: a client that goes away, or the timeout, must not cut a handler
/// off between two of its steps (sqlx even loses track of a transaction whose `BEGIN` is cut off).
async fn within(
    timeout: Duration,
    answer: impl Future<Output = Response> + Send + 'static,
) -> Response {
    let task = tokio::spawn(answer.in_current_span());
    match tokio::time::timeout(timeout, task).await {
        Ok(Ok(response)) => response,
        Ok(Err(panicked)) => ApiError::internal(&panicked).into_response(),
        Err(_) => {
            let message = "the request took too long; whether it happened is not known yet";
            ApiError::unavailable("timeout", message, 1).into_response()
        }
    }
}

/// Whether a path is this one, or continues it by whole segments.
fn is_below(path: &str, own: &str) -> bool {
    path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
