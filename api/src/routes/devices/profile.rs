//! `GET /devices/{id}/profile` and `GET /devices/{id}/profile.conf`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::DeviceId;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::Path,
    routes::views::{EnrolmentView, Form, Png},
};

/// What a device's client gets, without the private key: for admins who look into a problem.
#[utoipa::path(
    get,
    path = "/devices/{id}/profile",
    operation_id = "clients_profile",
    tag = "clients",
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
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    form: Form,
) -> Result<Response, ApiError> {
    caller.user()?;
    let known = app.fleet.read(|f| f.device(id).is_some_and(|d| !d.revoked));
    if !known {
        return Err(ApiError::not_found("device"));
    }
    form.answer(&app, id).await
}

/// The same as the file for WireGuard.
#[utoipa::path(
    get,
    path = "/devices/{id}/profile.conf",
    operation_id = "clients_profile_file",
    tag = "clients",
    responses((status = 200, description = "The file.", body = String, content_type = "text/plain")),
)]
pub(super) async fn file(
    app: State<App>,
    caller: Caller,
    id: Path<DeviceId>,
) -> Result<Response, ApiError> {
    handle(app, caller, id, Form::Text).await
}
