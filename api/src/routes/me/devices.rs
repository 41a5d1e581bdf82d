//! `GET /me/devices`

use axum::extract::State;
use nexavpn_projections::{ListQuery, MAX_PAGE_SIZE};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, auth::Caller, error::ApiError, routes::views::DeviceView};

/// The caller's devices.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnDevices)]
pub(super) struct Devices {
    items: Vec<DeviceView>,
    total: usize,
}

/// The caller's own devices, by name, revoked ones left out.
#[utoipa::path(
    get,
    path = "/me/devices",
    operation_id = "me_devices",
    tag = "me",
    responses((status = 200, description = "All of them.", body = Devices)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
) -> Result<axum::Json<Devices>, ApiError> {
    let user = caller.user()?;
    let query = ListQuery { page_size: MAX_PAGE_SIZE, ..ListQuery::default() };
    let query = query.filter("owner", user.user_id).filter("revoked", false);
    let page = nexavpn_projections::devices::list(&app.pool, &query).await?;
    let items = DeviceView::all(&app, page.items).await?;
    Ok(axum::Json(Devices { total: items.len(), items }))
}
