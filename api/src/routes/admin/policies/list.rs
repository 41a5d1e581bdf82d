//! `GET /admin/policies`

use axum::{extract::State, response::Response};
use nexavpn_projections::{ListQuery, Page, policies};

use super::PolicyView;
use crate::{
    App,
    error::ApiError,
    moment::AsOf,
    routes::admin::{export::Exported, listing::Listing, past},
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
pub(super) async fn handle(
    State(app): State<App>,
    mut listing: Listing,
) -> Result<Response, ApiError> {
    match listing.at(&app).await? {
        None => listing.answer(app, "policies", page).await,
        Some(at) => {
            listing.answer(app, "policies", move |app, query| past_page(app, at, query)).await
        }
    }
}

async fn page(app: App, query: ListQuery) -> Result<Page<PolicyView>, ApiError> {
    let (rows, page) = policies::list(&app.pool, &query).await?.take();
    Ok(page.with(PolicyView::all(&app, rows)))
}

/// A page of those that there were at a moment.
async fn past_page(app: App, at: AsOf, query: ListQuery) -> Result<Page<PolicyView>, ApiError> {
    let fleet = app.fleet_as_of(at).await?;
    let (ids, page) = past::page::<_, PolicyView>(&past::policies(&fleet, &query)?, &query, at)?;
    Ok(page.with(PolicyView::past(&app, &fleet, &ids).await?))
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
