//! `POST /devices/enroll`

use axum::{extract::State, response::Response};
use nexavpn_commands::{EnrolRequest, ForUser, NewKey};
use nexavpn_domain::ids::GatewayId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, required},
    routes::views::EnrolmentView,
};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Enroll {
    #[schema(value_type = String)]
    name: Option<String>,
    platform: Option<String>,
    os_version: Option<String>,
    app_version: Option<String>,
    device_fingerprint: Option<String>,
    #[schema(value_type = String)]
    public_key: Option<String>,
    gateway_id: Option<GatewayId>,
}

/// Enrols the client's machine and binds the session to it. The same fingerprint again gives the
/// device its new key; the same key again returns the same device.
#[utoipa::path(
    post,
    path = "/devices/enroll",
    operation_id = "clients_enroll",
    tag = "clients",
    request_body = Enroll,
    responses((status = 201, description = "The new device.", body = EnrolmentView), (status = 200, description = "The device, which was there already.", body = EnrolmentView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(enroll): Json<Enroll>,
) -> Result<Response, ApiError> {
    let user = caller.user()?;
    let key = enroll.public_key.ok_or_else(|| required("public_key"))?;
    let request = EnrolRequest {
        name: enroll.name.ok_or_else(|| required("name"))?,
        platform: enroll.platform,
        os_version: enroll.os_version,
        app_version: enroll.app_version,
        fingerprint: enroll.device_fingerprint,
        key: NewKey::Client(key),
        gateway_id: enroll.gateway_id,
        address: None,
        expires_at: None,
        meanwhile: None,
    };
    let whose = ForUser::Session(user.user_id, user.session_id);
    let done = app.commands.enrol_device(&caller.request, whose, request).await?;
    let settled = app.acknowledge(done.position).await;
    EnrolmentView::answer(&app, settled, &done.value, "/me/devices/{id}/profile").await
}
