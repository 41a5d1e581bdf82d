//! `POST /devices/{id}/key`

use axum::{extract::State, response::Response};
use nexavpn_commands::NewKey;
use nexavpn_domain::ids::DeviceId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::within_reach;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path, required},
    routes::views::EnrolmentView,
};

/// The request: a public key of one's own, or `generate_key`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeviceKey)]
pub(super) struct Key {
    public_key: Option<String>,
    #[serde(default)]
    generate_key: bool,
}

/// The key that a request names; exactly one of the two.
///
/// # Errors
/// 400 that names the field.
pub(crate) fn new_key(public_key: Option<String>, generate: bool) -> Result<NewKey, ApiError> {
    match (public_key, generate) {
        (Some(key), false) => Ok(NewKey::Client(key)),
        (None, true) => Ok(NewKey::Generate),
        (None, false) => Err(required("public_key")),
        (Some(_), true) => {
            Err(ApiError::field("generate_key", "must be left out where public_key is given"))
        }
    }
}

/// Gives a device its next key; the one before stops working at once. With `generate_key` the
/// answer's profile is complete, and shown this once: the private key is not kept.
#[utoipa::path(
    post,
    path = "/devices/{id}/key",
    operation_id = "clients_key",
    tag = "clients",
    request_body = Key,
    responses((status = 200, description = "The device with its new key.", body = EnrolmentView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Json(key): Json<Key>,
) -> Result<Response, ApiError> {
    let key = new_key(key.public_key, key.generate_key)?;
    let whose = within_reach(&caller)?;
    let done = app.commands.set_device_key(&caller.request, whose, id, key).await?;
    let settled = app.settle(done.position).await;
    EnrolmentView::answer(&app, settled, &done.value, "/devices/{id}/profile").await
}
