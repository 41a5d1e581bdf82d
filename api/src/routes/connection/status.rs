//! `GET /connection/status`

use axum::extract::State;
use nexavpn_domain::ids::DeviceId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::Query,
    routes::{devices::current_device, views::ConnectionView},
};

/// Which device, where the session is bound to none, and what its client has.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The id of a device of one's own.
    device_id: Option<DeviceId>,
    /// The revision of the profile that the client has, so that it learns of a newer one.
    profile_revision: Option<i64>,
}

/// Assigned address, latest sync and effective resources of the current device. A client learns
/// here that its profile is out of date: `profile_outdated`.
#[utoipa::path(
    get,
    path = "/connection/status",
    operation_id = "connection_status",
    tag = "connection",
    params(Which),
    responses(
        (status = 200, description = "How the device is connected.", body = ConnectionView),
        (status = 409, description = "`device_ambiguous`: you have several active devices: name one with ?device_id="),
    ),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<axum::Json<ConnectionView>, ApiError> {
    let id = current_device(&app, &caller, which.device_id).await?;
    Ok(axum::Json(ConnectionView::load(&app, id, which.profile_revision).await?))
}
