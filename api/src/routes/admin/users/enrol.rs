//! `POST /admin/users/{id}/devices`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::UserId;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::me::enrol::{NewDevice, enrol_for},
};

/// Adds a device for a user. With `generate_key` the answer's profile is complete, and shown this
/// once.
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(new): Json<NewDevice>,
) -> Result<Response, ApiError> {
    enrol_for(&app, &caller, id, new, "/admin/devices/{id}").await
}
