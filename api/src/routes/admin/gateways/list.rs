//! `GET /admin/gateways`

use axum::extract::State;
use nexavpn_projections::{Page, gateways};

use super::GatewayView;
use crate::{App, error::ApiError, routes::admin::listing::Listing};

/// The gateways. Sorts: `name`, `created_at`. Filter: `joined`. `q`: what the name begins with, or
/// a whole key.
#[utoipa::path(
    get,
    path = "/admin/gateways",
    operation_id = "gateways_list",
    tag = "gateways",
    responses((status = 200, description = "A page of the gateways.", body = Page<GatewayView>)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Listing(query): Listing,
) -> Result<axum::Json<Page<GatewayView>>, ApiError> {
    let page = gateways::list(&app.pool, &query).await?;
    let Page { items, page, page_size, total, total_capped, next } = page;
    let items = GatewayView::all(&app, items).await?;
    Ok(axum::Json(Page { items, page, page_size, total, total_capped, next }))
}
