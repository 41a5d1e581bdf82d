//! `POST /admin/users/{id}/devices`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::UserId;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::{
        me::enrol::{NewDevice, enrol_for},
        views::EnrolmentView,
    },
};

/// Adds a device for a user. With `generate_key` the answer's profile is complete, and shown this
/// once.
#[utoipa::path(
    post,
    path = "/admin/users/{id}/devices",
    operation_id = "users_enrol_device",
    tag = "users",
    request_body = NewDevice,
    responses((status = 201, description = "The new device.", body = EnrolmentView), (status = 200, description = "The device, which was there already.", body = EnrolmentView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(new): Json<NewDevice>,
) -> Result<Response, ApiError> {
    enrol_for(&app, &caller, id, new, "/admin/devices/{id}").await
}
