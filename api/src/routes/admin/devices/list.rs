//! `GET /admin/devices`

use axum::extract::State;
use nexavpn_projections::{Page, devices};

use crate::{
    App,
    error::ApiError,
    routes::{admin::listing::Listing, views::DeviceView},
};

/// All devices, revoked ones among them. Sorts: `name`, `created_at`. Filters: `status`, `user`,
/// `gateway`, `platform`, `revoked`. `q`: what the name begins with, a whole key or address.
#[utoipa::path(
    get,
    path = "/admin/devices",
    operation_id = "devices_list",
    tag = "devices",
    responses((status = 200, description = "A page of the devices.", body = Page<DeviceView>)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    listing: Listing,
) -> Result<axum::Json<Page<DeviceView>>, ApiError> {
    let page = devices::list(&app.pool, &listing.renamed("user", "owner")).await?;
    let Page { items, page, page_size, total, total_capped, next } = page;
    let items = DeviceView::all(&app, items).await?;
    Ok(axum::Json(Page { items, page, page_size, total, total_capped, next }))
}
