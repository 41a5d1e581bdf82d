//! `GET /admin/policies`

use axum::extract::State;
use nexavpn_projections::{Page, policies};

use super::PolicyView;
use crate::{App, error::ApiError, routes::admin::listing::Listing};

/// The policies. Sorts: `priority`, `name`, `created_at`. Filters: `effect`, `enabled`, `in_force`,
/// `target` (the id of a user, group or device). `q`: what the name begins with.
#[utoipa::path(
    get,
    path = "/admin/policies",
    operation_id = "policies_list",
    tag = "policies",
    responses((status = 200, description = "A page of the policies.", body = Page<PolicyView>)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Listing(query): Listing,
) -> Result<axum::Json<Page<PolicyView>>, ApiError> {
    let page = policies::list(&app.pool, &query).await?;
    Ok(axum::Json(page.map(PolicyView::from)))
}
