//! `GET /admin/webhooks`

use axum::{extract::State, response::Response};
use nexavpn_projections::{ListQuery, Page, webhooks};

use super::WebhookView;
use crate::{App, error::ApiError, routes::admin::listing::Listing};

/// The webhooks, and how their endpoints stand. Sort: `created_at`. Filter: `enabled`.
#[utoipa::path(
    get,
    path = "/admin/webhooks",
    operation_id = "webhooks_list",
    tag = "webhooks",
    responses((
        status = 200,
        description = "A page of the webhooks. As CSV or NDJSON: all of them.",
        content(
            (Page<WebhookView> = "application/json"), (String = "text/csv"),
            (String = "application/x-ndjson"),
        ),
    )),
)]
pub(super) async fn handle(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    listing.answer(app, "webhooks", page).await
}

async fn page(app: App, query: ListQuery) -> Result<Page<WebhookView>, ApiError> {
    let (rows, page) = webhooks::list(&app.pool, &query).await?.take();
    Ok(page.with(WebhookView::all(&app, rows).await?))
}
