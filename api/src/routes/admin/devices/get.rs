//! `GET /admin/devices/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::DeviceId;

use crate::{
    App,
    error::ApiError,
    extract::{Path, Query},
    moment::At,
    routes::{admin::entity::entity, views::DeviceView},
};

/// One device, also a revoked one.
#[utoipa::path(
    get,
    path = "/admin/devices/{id}",
    operation_id = "devices_get",
    tag = "devices",
    params(At),
    responses((status = 200, description = "The device.", body = DeviceView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<DeviceId>,
    Query(at): Query<At>,
) -> Result<Response, ApiError> {
    let Some(at) = at.find(&app).await? else {
        return Ok(entity(&DeviceView::load(&app, id).await?));
    };
    let fleet = app.fleet_as_of(at).await?;
    let view = DeviceView::past(&app, &fleet, &[id]).await?.pop();
    Ok(entity(&view.ok_or_else(|| ApiError::not_found("device"))?))
}
