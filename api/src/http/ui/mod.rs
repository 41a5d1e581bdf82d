//! The web UI: what `npm run build` leaves in `web/dist`, within the program. Debug builds read the
//! files from the checkout instead.
//!
//! Its pages have paths of their own, such as `/users`, which the script in the page makes: the same
//! `index.html` answers them all.

mod file;
mod page;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use rust_embed::Embed;

use super::{
    accept, is_below, nothing_here,
    rates::{self, Client},
};
use crate::App;

/// What the build has left.
#[derive(Embed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Dist;

/// What is below these is not the UI's, also where there is nothing.
const OTHERS: &[&str] = &["/api", "/docs", "/healthz", "/readyz", "/metrics"];
/// Files whose names change with their content.
const ASSETS: &str = "/assets/";

/// Answers where no route does.
pub(super) async fn handle(State(app): State<App>, request: Request) -> Response {
    let (path, headers) = (request.uri().path(), request.headers());
    if !matches!(*request.method(), Method::GET | Method::HEAD) || is_others(path) {
        return nothing_here().await.into_response();
    }
    if let Some(answer) = file::answer(path, headers) {
        return answer;
    }
    if path == "/" || (wants_page(headers) && !path.starts_with(ASSETS)) {
        return rates::counted(&app, Client::of(&request), page::answer(&app)).await;
    }
    nothing_here().await.into_response()
}

fn is_others(path: &str) -> bool {
    OTHERS.iter().any(|own| is_below(path, own))
}

/// Whether somebody looks at what comes. `*/*` is what programs send, which are better served by
/// hearing that there is nothing.
fn wants_page(headers: &HeaderMap) -> bool {
    accept::names(headers, &header::ACCEPT, "text/html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_uis_is_known_by_whole_segments() {
        for path in ["/api", "/api/", "/api/v1/nothing", "/docs/x", "/metrics", "/healthz/x"] {
            assert!(is_others(path), "{path}");
        }
        for path in ["/", "/apis", "/documents", "/users/api", "/x/docs"] {
            assert!(!is_others(path), "{path}");
        }
    }
}
