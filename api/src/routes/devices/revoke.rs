//! `POST /devices/{id}/revoke`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::DeviceId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{changed_device, within_reach};
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::views::DeviceView,
};

/// The request; the body may be left out.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoke {
    reason: Option<String>,
}

/// Puts a device out for good: no bundle holds it any more, running connections stop.
#[utoipa::path(
    post,
    path = "/devices/{id}/revoke",
    operation_id = "clients_revoke",
    tag = "clients",
    request_body = Revoke,
    responses((status = 200, description = "The revoked device.", body = DeviceView)),
)]
pub(crate) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Json(revoke): Json<Revoke>,
) -> Result<Response, ApiError> {
    let whose = within_reach(&caller)?;
    let done = app.commands.revoke_device(&caller.request, whose, id, revoke.reason).await?;
    changed_device(&app, &caller, id, done.position).await
}
