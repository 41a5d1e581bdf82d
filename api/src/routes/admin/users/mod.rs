//! Users.

mod bulk;
mod create;
mod delete;
mod disable;
mod enable;
mod enrol;
mod erase;
mod get;
pub(super) mod import;
mod list;
mod password;
mod patch;
mod sessions;
mod view;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
pub(super) use bulk::Bulk as UserBulk;
pub(super) use list::page;
pub(super) use view::UserView;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(bulk::handle))
        .routes(routes!(import::handle))
        .routes(routes!(get::handle, patch::handle, delete::handle))
        .routes(routes!(disable::handle))
        .routes(routes!(enable::handle))
        .routes(routes!(password::handle))
        .routes(routes!(erase::handle))
        .routes(routes!(enrol::handle))
        .routes(routes!(sessions::handle, sessions::end_all))
        .routes(routes!(sessions::end))
}
