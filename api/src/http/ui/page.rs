//! The page that all of the UI is.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Dist;
use crate::{App, error::ApiError};

/// Its file.
pub(super) const FILE: &str = "index.html";
/// What the build writes where the nonce belongs.
const PLACEHOLDER: &str = "__NONCE__";

/// The page, with a nonce that nobody can know before: what is styled without it was not written by
/// us.
pub(super) async fn answer(app: &App) -> Response {
    let Some(file) = Dist::get(FILE) else { return not_built().into_response() };
    let mut nonce = [0; 16];
    app.random.fill(&mut nonce);
    let nonce = URL_SAFE_NO_PAD.encode(nonce);
    let page = String::from_utf8_lossy(&file.data).replace(PLACEHOLDER, &nonce);
    let policy = match HeaderValue::try_from(policy(&nonce)) {
        Ok(policy) => policy,
        Err(error) => return ApiError::internal(&error).into_response(),
    };
    let said = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static("camera=(), microphone=(), geolocation=()"),
        ),
    ];
    (said, Html(page)).into_response()
}

/// Everything comes from us. Components put styles into the page, which carry the nonce; pictures
/// such as QR codes are made by scripts.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn not_built() -> ApiError {
    let message = "the web UI was not built: start with ./run, or run `npm --prefix web run build`";
    ApiError::new(StatusCode::NOT_FOUND, "ui_not_built", message)
}
