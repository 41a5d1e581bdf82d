//! `GET /admin/groups`

use axum::{extract::State, response::Response};
use nexavpn_projections::{ListQuery, Page, groups};

use super::GroupView;
use crate::{
    App,
    error::ApiError,
    routes::admin::{export::Exported, listing::Listing},
};

/// The groups. Sorts: `name`, `created_at`. Filter: `member` (a user's id). `q`: for each word,
/// how a word of the name begins.
#[utoipa::path(
    get,
    path = "/admin/groups",
    operation_id = "groups_list",
    tag = "groups",
    responses((
        status = 200,
        description = "A page of the groups. As CSV or NDJSON: all of them.",
        content((Page<GroupView> = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")),
    )),
)]
pub(super) async fn handle(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    listing.answer(app, "groups", page).await
}

async fn page(app: App, query: ListQuery) -> Result<Page<GroupView>, ApiError> {
    Ok(groups::list(&app.pool, &query).await?.map(GroupView::from))
}

impl Exported for GroupView {
    const COLUMNS: &'static [&'static str] =
        &["id", "name", "description", "member_count", "created_at", "updated_at"];
}
