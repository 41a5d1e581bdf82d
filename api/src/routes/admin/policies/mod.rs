//! Access policies.

mod body;
mod create;
mod delete;
mod get;
mod list;
mod patch;
mod view;

use axum::{Router, routing::get};

use crate::App;
use body::PolicyBody;
use view::PolicyView;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/policies", get(list::handle).post(create::handle))
        .route("/admin/policies/{id}", get(get::handle).patch(patch::handle).delete(delete::handle))
}
