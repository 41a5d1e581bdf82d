//! `/admin/access…`: who may or could reach what, why, what has changed, and what gateways enforced.
//!
//! | file | holds |
//! | --- | --- |
//! | `decide.rs` | `GET /admin/access` |
//! | `explain.rs` | `GET /admin/access/explain` |
//! | `diff.rs` | `GET /admin/access/diff` |
//! | `question.rs` | who and what is asked about |
//! | `subject.rs` | a device as the answers see it |
//! | `timeline.rs` | what was decided about some devices in the course of time |
//! | `look.rs` | how far is looked for that |
//! | `enforcement.rs` | from when until when their gateways enforced that |

mod decide;
mod diff;
mod enforcement;
mod explain;
mod look;
mod question;
mod subject;
mod timeline;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(decide::handle))
        .routes(routes!(explain::handle))
        .routes(routes!(diff::handle))
}
