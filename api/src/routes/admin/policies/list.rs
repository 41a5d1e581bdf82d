//! `GET /admin/policies`

use axum::{extract::State, response::Response};
use nexavpn_projections::{ListQuery, Page, policies};

use super::PolicyView;
use crate::{
    App,
    error::ApiError,
    routes::admin::{export::Exported, listing::Listing},
};

/// The policies. Sorts: `priority` (the order in which they are asked: by priority, deny before
/// allow, then by age), `name`, `created_at`. Filters: `effect`, `enabled`, `in_force`, `target`
/// (the id of a user, group or device). `q`: for each word, how a word of the name begins.
#[utoipa::path(
    get,
    path = "/admin/policies",
    operation_id = "policies_list",
    tag = "policies",
    responses((
        status = 200,
        description = "A page of the policies. As CSV or NDJSON: all of them.",
        content((Page<PolicyView> = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")),
    )),
)]
pub(super) async fn handle(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    listing.answer(app, "policies", page).await
}

async fn page(app: App, query: ListQuery) -> Result<Page<PolicyView>, ApiError> {
    let (rows, page) = policies::list(&app.pool, &query).await?.take();
    Ok(page.with(PolicyView::all(&app, rows)))
}

impl Exported for PolicyView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "description",
        "priority",
        "effect",
        "full_tunnel",
        "destinations",
        "targets",
        "services",
        "enabled",
        "valid_from",
        "valid_until",
        "in_force",
        "rank",
        "created_at",
        "updated_at",
    ];
}
