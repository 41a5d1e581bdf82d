//! Groups of users, which policies can target.

mod create;
mod delete;
mod get;
mod list;
mod list_members;
mod members;
mod patch;
mod restore;
mod view;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
pub(super) use create::Create as GroupCreateBody;
pub(super) use patch::Patch as GroupPatchBody;
use view::{GroupDetails, GroupView};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(get::handle, patch::handle, delete::handle))
        .routes(routes!(restore::handle))
        .routes(routes!(list_members::handle))
        .routes(routes!(members::add, members::remove))
}
