//! `POST /admin/devices/bulk`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_commands::{DeviceChange, Whose};
use nexavpn_domain::ids::{DeviceId, GatewayId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::Json,
    routes::admin::bulk::{Answer, Ids, Outcome, TOGETHER},
};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeviceBulk)]
pub(in crate::routes::admin) struct Bulk {
    action: Action,
    /// At most 1,000 devices.
    ids: Vec<DeviceId>,
    /// Where to, for `move`.
    gateway_id: Option<GatewayId>,
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
    /// Gives them another gateway.
    Move,
    Revoke,
}

/// Enables, disables, moves or revokes many devices. Answers 200 with a result for each id; one that
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
    let (ids, outcome) = bulk.run(&app, &caller).await?;
    Ok(ids.answer(&app, outcome).await)
}

impl Bulk {
    /// Does it, or rehearses it: as the caller's request says.
    ///
    /// # Errors
    /// 400 for a field that does not belong to the action, and for the rehearsal of a move: it
    /// would take addresses before its append.
    pub(in crate::routes::admin) async fn run(
        self,
        app: &App,
        caller: &Caller,
    ) -> Result<(Ids<DeviceId>, Outcome), ApiError> {
        let Self { action, ids, gateway_id, reason } = self;
        let ids = Ids::of(caller, ids)?;
        if reason.is_some() && action != Action::Revoke {
            return Err(ApiError::field("reason", "is for revoke only"));
        }
        match (action, gateway_id) {
            (Action::Move, _) if caller.request.rehearsal.is_some() => {
                return Err(ApiError::field("action", "has no preview: move"));
            }
            (Action::Move, None) => {
                return Err(ApiError::field(
                    "gateway_id",
                    "is required: where to move the devices",
                ));
            }
            (Action::Enable | Action::Disable | Action::Revoke, Some(_)) => {
                return Err(ApiError::field("gateway_id", "is for move only"));
            }
            _ => {}
        }
        let commands = &app.commands;
        let change = |change: DeviceChange| {
            ids.each(TOGETHER, app, caller, StatusCode::OK, move |part, id| {
                let change = change.clone();
                async move { commands.change_device(&part, Whose::Anybodys, id, change).await }
            })
        };
        let let_in = |on| DeviceChange { enabled: Some(on), ..DeviceChange::default() };
        let outcome = match action {
            Action::Enable => change(let_in(true)).await,
            Action::Disable => change(let_in(false)).await,
            Action::Move => {
                change(DeviceChange { gateway: gateway_id, ..DeviceChange::default() }).await
            }
            Action::Revoke => {
                let revoke = |part, id| {
                    let reason = reason.clone();
                    async move { commands.revoke_device(&part, Whose::Anybodys, id, reason).await }
                };
                ids.each(TOGETHER, app, caller, StatusCode::OK, revoke).await
            }
        };
        Ok((ids, outcome))
    }
}
