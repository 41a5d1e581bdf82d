//! `GET /devices/{id}/profile`

use axum::extract::State;
use nexavpn_domain::ids::DeviceId;

use crate::{App, auth::Caller, error::ApiError, extract::Path, routes::views::EnrolmentView};

/// What a device's client gets, without the private key: for admins who look into a problem.
#[utoipa::path(
    get,
    path = "/devices/{id}/profile",
    operation_id = "clients_profile",
    tag = "clients",
    responses((status = 200, description = "The profile.", body = EnrolmentView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<axum::Json<EnrolmentView>, ApiError> {
    caller.user()?;
    let known = app.fleet.read(|f| f.device(id).is_some_and(|d| !d.revoked));
    if !known {
        return Err(ApiError::not_found("device"));
    }
    Ok(axum::Json(EnrolmentView::of(&app, id, None).await?))
}
