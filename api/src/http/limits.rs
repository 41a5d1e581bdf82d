//! What a request's head may hold or announce, and how long its body may take. The connection
//! bounds what is buffered of a head (`serve/connections.rs`); within that we can still say what is
//! wrong.

use std::{error::Error, time::Duration};

use axum::{
    body::{Body, HttpBody as _},
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::Response,
};
use futures::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use crate::{error::ApiError, extract::body_too_large};

/// The longest path with its query, in bytes. What we answer ourselves (`next` in lists) is far
/// below it.
const URI: usize = 8 * 1024;
/// The most bytes of all header names and values.
const HEADERS: usize = 32 * 1024;
/// More than any route takes, in bytes: not worth waiting for.
const BODY: u64 = 64 * 1024 * 1024;

/// Refuses what is too long.
pub(super) async fn head(request: Request, next: Next) -> Result<Response, ApiError> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, str::len) > URI {
        let message = format!("the address is longer than {URI} bytes");
        return Err(ApiError::new(StatusCode::URI_TOO_LONG, "uri_too_long", message));
    }
    let size = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        name.as_str().len() + value.len()
    };
    if request.headers().iter().map(size).sum::<usize>() > HEADERS {
        let message = format!("the headers are larger than {HEADERS} bytes");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(ApiError::new(status, "headers_too_large", message));
    }
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY) {
        return Err(body_too_large());
    }
    Ok(next.run(request).await)
}

/// A body that was not whole in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
pub(crate) struct TooSlow;

impl TooSlow {
    /// Whether this is why a body could not be read.
    pub(crate) fn caused(error: &(dyn Error + 'static)) -> bool {
        std::iter::successors(Some(error), |e| (*e).source()).any(|e| e.is::<Self>())
    }
}

/// Ends a body that is not whole in time: a handler would wait for it, and its connection with it.
pub(super) fn in_time(request: Request, within: Duration) -> Request {
    if request.body().is_end_stream() {
        return request;
    }
    let deadline = Instant::now() + within;
    request.map(|body| {
        let frames = stream::unfold(Some(body.into_data_stream()), move |frames| async move {
            let mut frames = frames?;
            match timeout_at(deadline, frames.next()).await {
                Ok(frame) => Some((frame?, Some(frames))),
                Err(_) => Some((Err(axum::Error::new(TooSlow)), None)),
            }
        });
        Body::from_stream(frames)
    })
}
