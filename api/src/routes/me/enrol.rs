//! `POST /me/devices`

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use nexavpn_commands::{EnrolRequest, ForUser};
use nexavpn_domain::{
    ids::{GatewayId, UserId},
    values::Role,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::Json,
    routes::{devices::key::new_key, views::EnrolmentView},
};

/// The request: a public key of one's own, or `generate_key`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDevice {
    name: String,
    platform: Option<String>,
    public_key: Option<String>,
    #[serde(default)]
    generate_key: bool,
    gateway_id: Option<GatewayId>,
    /// A free address of the gateway's pool; the next one otherwise. Only an admin may choose.
    assigned_ip: Option<String>,
    /// When it stops being a peer. Of a device that is there already only an admin may change it.
    expires_at: Option<DateTime<Utc>>,
}

impl NewDevice {
    fn into_request(self) -> Result<EnrolRequest, ApiError> {
        let key = new_key(self.public_key, self.generate_key)?;
        Ok(EnrolRequest {
            name: self.name,
            platform: self.platform,
            os_version: None,
            app_version: None,
            fingerprint: None,
            key,
            gateway_id: self.gateway_id,
            address: self.assigned_ip,
            expires_at: self.expires_at,
            meanwhile: None,
        })
    }
}

/// Adds a device of one's own. With `generate_key` the answer's profile is complete, and shown
/// this once: the private key is not kept.
#[utoipa::path(
    post,
    path = "/me/devices",
    operation_id = "me_enrol_device",
    tag = "me",
    request_body = NewDevice,
    responses((status = 201, description = "The new device.", body = EnrolmentView), (status = 200, description = "The device, which was there already.", body = EnrolmentView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewDevice>,
) -> Result<Response, ApiError> {
    let user = caller.user()?;
    // Else somebody could wait for the address of a device that others may reach.
    if new.assigned_ip.is_some() && user.role != Role::Admin {
        return Err(ApiError::field("assigned_ip", "is for admins to choose: leave it out"));
    }
    enrol_for(&app, &caller, user.user_id, new, "/me/devices/{id}/profile").await
}

/// Adds a device for a user.
pub(crate) async fn enrol_for(
    app: &App,
    caller: &Caller,
    owner: UserId,
    new: NewDevice,
    route: &str,
) -> Result<Response, ApiError> {
    let for_user = match caller.user()?.role {
        Role::Admin => ForUser::Admin(owner),
        Role::Auditor | Role::User => ForUser::User(owner),
    };
    let request = new.into_request()?;
    let done = app.commands.enrol_device(&caller.request, for_user, request).await?;
    let settled = app.acknowledge(done.position).await;
    EnrolmentView::answer(app, settled, &done.value, route).await
}
