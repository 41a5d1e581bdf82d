//! Access policies.

mod body;
mod bulk;
mod create;
mod delete;
mod get;
mod list;
mod patch;
mod restore;
mod view;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
pub(super) use body::PolicyBody;
pub(super) use bulk::Bulk as PolicyBulk;
use view::PolicyView;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(bulk::handle))
        .routes(routes!(get::handle, patch::handle, delete::handle))
        .routes(routes!(restore::handle))
}
