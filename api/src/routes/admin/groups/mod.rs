//! Groups of users, which policies can target.

mod create;
mod delete;
mod get;
mod list;
mod members;
mod patch;
mod view;

use axum::routing::{get, put};
use utoipa_axum::router::OpenApiRouter;

use crate::App;
use view::{GroupDetails, GroupView};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/admin/groups", get(list::handle).post(create::handle))
        .route("/admin/groups/{id}", get(get::handle).patch(patch::handle).delete(delete::handle))
        .route("/admin/groups/{id}/members/{user_id}", put(members::add).delete(members::remove))
}
