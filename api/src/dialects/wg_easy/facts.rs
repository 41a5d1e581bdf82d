//! What version 14 tells its own pages before they sign in. Some clients ask for it too.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

/// The answers, as JSON.
pub(super) const FACTS: [(&str, &str); 9] = [
    // A string, which every client can read; version 14 itself answers a bare number.
    ("/api/release", "\"14\""),
    ("/api/lang", "\"en\""),
    ("/api/remember-me", "true"),
    ("/api/ui-traffic-stats", "true"),
    ("/api/ui-chart-type", "\"0\""),
    ("/api/ui-sort-clients", "false"),
    ("/api/ui-avatar-settings", r#"{"dicebear":null,"gravatar":false}"#),
    ("/api/wg-enable-one-time-links", "false"),
    ("/api/wg-enable-expire-time", "true"),
];

/// One of them.
pub(super) fn answer(json: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}
