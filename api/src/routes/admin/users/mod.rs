//! Users.

mod bulk;
mod create;
mod delete;
mod disable;
mod enable;
mod enrol;
mod erase;
mod get;
mod list;
mod password;
mod patch;
mod view;

use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;

use crate::App;
use view::UserView;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/admin/users", get(list::handle).post(create::handle))
        .route("/admin/users/bulk", post(bulk::handle))
        .route("/admin/users/{id}", get(get::handle).patch(patch::handle).delete(delete::handle))
        .route("/admin/users/{id}/disable", post(disable::handle))
        .route("/admin/users/{id}/enable", post(enable::handle))
        .route("/admin/users/{id}/password", post(password::handle))
        .route("/admin/users/{id}/erase", post(erase::handle))
        .route("/admin/users/{id}/devices", post(enrol::handle))
}
