//! For admins; auditors read.
//!
//! | folder | paths |
//! | --- | --- |
//! | `users/` | `/admin/users…` |
//! | `groups/` | `/admin/groups…` |
//! | `devices/` | `/admin/devices…` |
//! | `policies/` | `/admin/policies…` |
//! | `gateways/` | `/admin/gateways…` |
//! | `preview/` | `/admin/preview…` |
//! | `access/` | `/admin/access…` |
//! | `audit_logs.rs` | `/admin/audit-logs` |
//! | `webhooks/` | `/admin/webhooks…` |
//! | `audit_feed/` | `/admin/audit-logs/feed`, `/admin/audit-logs/stream` |
//! | `audit_proof/` | `/admin/audit/…` |

mod access;
mod audit_feed;
mod audit_logs;
mod audit_proof;
mod bulk;
mod devices;
mod entity;
mod export;
mod gateways;
mod groups;
mod keyset;
mod listing;
mod past;
mod policies;
mod preview;
mod restore;
mod users;
mod webhooks;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use self::{
    audit_logs::number_range,
    devices::page as devices_page,
    entity::{changed, entity},
    export::Exported,
    listing::Listing,
};
use crate::App;

/// The largest body of a route that takes larger ones than all others do, in bytes.
pub(super) fn body_limit(path: &str) -> Option<usize> {
    (path == "/admin/users/import").then_some(users::import::MAX_BYTES)
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(users::routes())
        .merge(groups::routes())
        .merge(devices::routes())
        .merge(policies::routes())
        .merge(gateways::routes())
        .merge(preview::routes())
        .merge(access::routes())
        .routes(routes!(audit_logs::handle))
        .merge(audit_feed::routes())
        .merge(audit_proof::routes())
        .merge(webhooks::routes())
}
