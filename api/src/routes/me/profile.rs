//! `GET /me/profile` and, for any device of one's own, `GET /me/devices/{id}/profile` and
//! `GET /me/devices/{id}/profile.conf`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::DeviceId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Path, Query},
    routes::{
        devices::current_device,
        views::{EnrolmentView, Form, Png},
    },
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
        (
            status = 200,
            description = "The profile, in the form that `Accept` prefers; images are QR codes.",
            content(
                (EnrolmentView = "application/json"),
                (String = "text/plain"),
                (String = "image/svg+xml"),
                (Png = "image/png"),
            )
        ),
        (status = 406, description = "`not_acceptable`: there is application/json, text/plain, image/svg+xml and image/png: accept one"),
        (status = 409, description = "`device_ambiguous`: you have several active devices: name one with ?device_id=; or `profile_too_long`, where it does not fit a QR code."),
    ),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(which): Query<Which>,
    form: Form,
) -> Result<Response, ApiError> {
    let id = current_device(&app, &caller, which.device_id).await?;
    form.answer_client(&app, id).await
}

/// The same for a device of one's own by id.
#[utoipa::path(
    get,
    path = "/me/devices/{id}/profile",
    operation_id = "me_device_profile",
    tag = "me",
    responses(
        (
            status = 200,
            description = "The profile, in the form that `Accept` prefers; images are QR codes.",
            content(
                (EnrolmentView = "application/json"),
                (String = "text/plain"),
                (String = "image/svg+xml"),
                (Png = "image/png"),
            )
        ),
        (status = 406, description = "`not_acceptable`: there is application/json, text/plain, image/svg+xml and image/png: accept one"),
        (status = 409, description = "`profile_too_long`: the profile is longer than a QR code can hold: fetch it as text"),
    ),
)]
pub(super) async fn of_device(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    form: Form,
) -> Result<Response, ApiError> {
    let user = caller.user()?;
    let id = crate::routes::devices::own_active(&app, user.user_id, id)?;
    form.answer_client(&app, id).await
}

/// The same as the file for WireGuard.
#[utoipa::path(
    get,
    path = "/me/devices/{id}/profile.conf",
    operation_id = "me_device_profile_file",
    tag = "me",
    responses((status = 200, description = "The file.", body = String, content_type = "text/plain")),
)]
pub(super) async fn file_of_device(
    app: State<App>,
    caller: Caller,
    id: Path<DeviceId>,
) -> Result<Response, ApiError> {
    of_device(app, caller, id, Form::Text).await
}
