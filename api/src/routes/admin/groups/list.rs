//! `GET /admin/groups`

use axum::{extract::State, response::Response};
use nexavpn_projections::{ListQuery, Page, groups};

use super::GroupView;
use crate::{
    App,
    error::ApiError,
    moment::AsOf,
    routes::admin::{export::Exported, listing::Listing, past},
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
pub(super) async fn handle(
    State(app): State<App>,
    mut listing: Listing,
) -> Result<Response, ApiError> {
    match listing.at(&app).await? {
        None => listing.answer(app, "groups", page).await,
        Some(at) => {
            listing.answer(app, "groups", move |app, query| past_page(app, at, query)).await
        }
    }
}

async fn page(app: App, query: ListQuery) -> Result<Page<GroupView>, ApiError> {
    Ok(groups::list(&app.pool, &query).await?.map(GroupView::from))
}

/// A page of those that there were at a moment.
async fn past_page(app: App, at: AsOf, query: ListQuery) -> Result<Page<GroupView>, ApiError> {
    let fleet = app.fleet_as_of(at).await?;
    let (ids, page) = past::page::<_, GroupView>(&past::groups(&fleet, &query)?, &query, at)?;
    Ok(page.with(GroupView::past(&app, &fleet, &ids).await?))
}

impl Exported for GroupView {
    const COLUMNS: &'static [&'static str] =
        &["id", "name", "description", "member_count", "created_at", "updated_at"];
}
