//! `GET /me/profile` and `GET /me/devices/{id}/profile`

use axum::extract::State;
use nexavpn_domain::ids::DeviceId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Path, Query},
    routes::{devices::current_device, views::EnrolmentView},
};

/// Which device, where the session is bound to none.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The id of a device of one's own.
    device_id: Option<DeviceId>,
}

/// What the client of the current device needs to connect again.
#[utoipa::path(
    get,
    path = "/me/profile",
    operation_id = "me_profile",
    tag = "me",
    params(Which),
    responses(
        (status = 200, description = "The profile.", body = EnrolmentView),
        (status = 409, description = "`device_ambiguous`: you have several active devices: name one with ?device_id="),
    ),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<axum::Json<EnrolmentView>, ApiError> {
    let id = current_device(&app, &caller, which.device_id).await?;
    Ok(axum::Json(EnrolmentView::of(&app, id, None).await?))
}

/// The same for a device of one's own by id.
#[utoipa::path(
    get,
    path = "/me/devices/{id}/profile",
    operation_id = "me_device_profile",
    tag = "me",
    responses((status = 200, description = "The profile.", body = EnrolmentView)),
)]
pub(super) async fn of_device(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<axum::Json<EnrolmentView>, ApiError> {
    let user = caller.user()?;
    let id = crate::routes::devices::own_active(&app, user.user_id, id)?;
    Ok(axum::Json(EnrolmentView::of(&app, id, None).await?))
}
