//! `GET /admin/devices/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::DeviceId;

use crate::{
    App,
    error::ApiError,
    extract::Path,
    routes::{admin::entity::entity, views::DeviceView},
};

/// One device, also a revoked one.
#[utoipa::path(
    get,
    path = "/admin/devices/{id}",
    operation_id = "devices_get",
    tag = "devices",
    responses((status = 200, description = "The device.", body = DeviceView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<DeviceId>,
) -> Result<Response, ApiError> {
    Ok(entity(&DeviceView::load(&app, id).await?))
}
