//! Access policies.

mod body;
mod bulk;
mod create;
mod delete;
mod get;
mod list;
mod patch;
mod view;

use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;

use crate::App;
use body::PolicyBody;
use view::PolicyView;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/admin/policies", get(list::handle).post(create::handle))
        .route("/admin/policies/bulk", post(bulk::handle))
        .route("/admin/policies/{id}", get(get::handle).patch(patch::handle).delete(delete::handle))
}
