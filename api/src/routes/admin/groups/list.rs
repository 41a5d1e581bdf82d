//! `GET /admin/groups`

use axum::extract::State;
use nexavpn_projections::{Page, groups};

use super::GroupView;
use crate::{App, error::ApiError, routes::admin::listing::Listing};

/// The groups. Sorts: `name`, `created_at`. Filter: `member` (a user's id). `q`: what the name
/// begins with.
#[utoipa::path(
    get,
    path = "/admin/groups",
    operation_id = "groups_list",
    tag = "groups",
    responses((status = 200, description = "A page of the groups.", body = Page<GroupView>)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Listing(query): Listing,
) -> Result<axum::Json<Page<GroupView>>, ApiError> {
    let page = groups::list(&app.pool, &query).await?;
    Ok(axum::Json(page.map(GroupView::from)))
}
