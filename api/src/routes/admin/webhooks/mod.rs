//! Where events are sent to.

mod create;
mod delete;
mod get;
mod list;
mod patch;
mod replay;
mod rotate_secret;
mod test;
mod view;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use view::{WebhookSecret, WebhookView};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(get::handle, patch::handle, delete::handle))
        .routes(routes!(rotate_secret::handle))
        .routes(routes!(replay::handle))
        .routes(routes!(test::handle))
}
