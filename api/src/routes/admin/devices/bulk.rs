//! `POST /admin/devices/bulk`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_commands::DeviceChange;
use nexavpn_domain::ids::DeviceId;
use serde::Deserialize;

use crate::{App, auth::Caller, error::ApiError, extract::Json, routes::admin::bulk::Ids};

/// The request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bulk {
    action: Action,
    /// At most 1,000 devices.
    ids: Vec<DeviceId>,
    /// Why, for `revoke`.
    reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Enable,
    Disable,
    Revoke,
}

/// Enables, disables or revokes many devices. Answers 200 with a result for each id; one that
/// fails does not stop the others, and sending the same again does no harm.
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
    let (request, commands) = (&caller.request, &app.commands);
    let let_in = |enabled: bool| {
        let change = move || DeviceChange { enabled: Some(enabled), ..DeviceChange::default() };
        ids.each(&app, StatusCode::OK, move |id| commands.change_device(request, id, change()))
    };
    let outcome = match action {
        Action::Enable => let_in(true).await,
        Action::Disable => let_in(false).await,
        Action::Revoke => {
            let revoke = |id| commands.revoke_device(request, id, reason.clone());
            ids.each(&app, StatusCode::OK, revoke).await
        }
    };
    Ok(ids.answer(&app, outcome).await)
}
