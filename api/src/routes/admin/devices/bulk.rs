//! `POST /admin/devices/bulk`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_commands::DeviceChange;
use nexavpn_domain::ids::DeviceId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::Json,
    routes::admin::bulk::{Answer, Ids},
};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeviceBulk)]
pub(super) struct Bulk {
    action: Action,
    /// At most 1,000 devices.
    ids: Vec<DeviceId>,
    /// Why, for `revoke`.
    reason: Option<String>,
}

/// What to do with each.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeviceBulkAction)]
enum Action {
    Enable,
    Disable,
    Revoke,
}

/// Enables, disables or revokes many devices. Answers 200 with a result for each id; one that
/// fails does not stop the others, and sending the same again does no harm.
#[utoipa::path(
    post,
    path = "/admin/devices/bulk",
    operation_id = "devices_bulk",
    tag = "devices",
    request_body = Bulk,
    responses((status = 200, description = "A result for each id.", body = Answer<DeviceId>)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(bulk): Json<Bulk>,
) -> Result<Response, ApiError> {
    let Bulk { action, ids, reason } = bulk;
    let ids = Ids::of(&caller, ids)?;
    if reason.is_some() && action != Action::Revoke {
        return Err(ApiError::field("reason", "is for revoke only"));
    }
    let commands = &app.commands;
    let let_in = |enabled: bool| {
        let change = move || DeviceChange { enabled: Some(enabled), ..DeviceChange::default() };
        ids.each(&app, &caller, StatusCode::OK, move |part, id| async move {
            commands.change_device(&part, id, change()).await
        })
    };
    let outcome = match action {
        Action::Enable => let_in(true).await,
        Action::Disable => let_in(false).await,
        Action::Revoke => {
            let revoke = |part, id| {
                let reason = reason.clone();
                async move { commands.revoke_device(&part, id, reason).await }
            };
            ids.each(&app, &caller, StatusCode::OK, revoke).await
        }
    };
    Ok(ids.answer(&app, outcome).await)
}
