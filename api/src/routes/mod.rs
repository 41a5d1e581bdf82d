//! The native API's routes: one file for each resource and verb.
//!
//! | folder | paths |
//! | --- | --- |
//! | `auth/` | `/auth/…` |
//! | `me/` | `/me/…`, for everybody about oneself |
//! | `devices/` | `/devices/…`, for clients and owners |
//! | `connection/` | `/connection/status` |
//! | `gateways/` | `/gateways/…`, for nodes |
//! | `admin/` | `/admin/…` |
//! | `document.rs` | `/openapi.json` |

mod admin;
mod auth;
mod connection;
mod devices;
mod document;
mod gateways;
mod me;
pub(crate) mod views;

use utoipa_axum::router::OpenApiRouter;

use crate::App;
pub(crate) use auth::COOKIE;

/// What previews begin with below the base path.
pub(crate) const PREVIEWS: &str = "/admin/preview/";
/// Requests that change something, and nothing more when they are sent again.
pub(crate) const REPEATABLE: &[&str] = &["/admin/audit/pins"];

/// All routes below the base path.
pub(crate) fn native() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(auth::routes())
        .merge(me::routes())
        .merge(devices::routes())
        .merge(connection::routes())
        .merge(gateways::routes())
        .merge(admin::routes())
        .merge(document::routes())
}

/// The largest body of a route (its pattern below the base path), in bytes, where it is another
/// than that of all others.
pub(crate) fn body_limit(path: &str) -> Option<usize> {
    admin::body_limit(path)
}
