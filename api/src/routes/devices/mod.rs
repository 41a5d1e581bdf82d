//! For clients and for owners of devices.

mod enroll;
mod heartbeat;
pub(super) mod key;
mod profile;
pub(super) mod revoke;
pub(super) mod rotate;

use axum::{http::StatusCode, response::Response};
use nexavpn_commands::Whose;
use nexavpn_domain::{
    fleet::DeviceStatus,
    ids::{DeviceId, UserId},
    values::Role,
};
use nexavpn_store::Position;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{admin::changed, views::DeviceView};
use crate::{App, auth::Caller, error::ApiError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(enroll::handle))
        .routes(routes!(profile::handle))
        .routes(routes!(profile::file))
        .routes(routes!(rotate::handle))
        .routes(routes!(key::handle))
        .routes(routes!(revoke::handle))
        .routes(routes!(heartbeat::handle))
}

/// Whose devices the caller commands: an admin everybody's, anybody else their own.
fn within_reach(caller: &Caller) -> Result<Whose, ApiError> {
    let user = caller.user()?;
    Ok(match user.role {
        Role::Admin => Whose::Anybodys,
        Role::Auditor | Role::User => Whose::Of(user.user_id),
    })
}

/// The answer to a change of a device that its owner may make.
pub(super) async fn changed_device(
    app: &App,
    caller: &Caller,
    id: DeviceId,
    position: Option<Position>,
) -> Result<Response, ApiError> {
    let settled = app.settle(position).await;
    let view = DeviceView::load(app, id).await.and_then(|view| {
        // It may have been given away since: what it is now is not for the owner before.
        caller.owns(Some(view.user_id), "device").map(|()| view)
    });
    changed(settled, id, view)
}

/// The device that a client speaks for: the one its session is bound to, else the one it names,
/// else its user's only active one (design, section 5).
pub(super) async fn current_device(
    app: &App,
    caller: &Caller,
    named: Option<DeviceId>,
) -> Result<DeviceId, ApiError> {
    let user = caller.user()?;
    if let Some(bound) = user.device_id {
        // It may have become somebody else's in this very moment.
        if let Ok(id) = own_active(app, user.user_id, bound) {
            return Ok(id);
        }
    }
    if let Some(id) = named {
        return own_active(app, user.user_id, id);
    }
    let active: Vec<DeviceId> = app.fleet.read(|fleet| {
        let devices = fleet.devices_of_user(user.user_id);
        devices.filter(|(_, d)| d.status() == DeviceStatus::Active).map(|(id, _)| id).collect()
    });
    match active[..] {
        [id] => Ok(id),
        [] => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "no_active_device",
            "you have no active device: enrol one with POST /devices/enroll",
        )),
        _ => Err(ApiError::new(
            StatusCode::CONFLICT,
            "device_ambiguous",
            "you have several active devices: name one with ?device_id=",
        )),
    }
}

/// A device of the user that was not revoked; another's is 404.
pub(super) fn own_active(app: &App, user: UserId, id: DeviceId) -> Result<DeviceId, ApiError> {
    let own = app.fleet.read(|f| f.device(id).is_some_and(|d| d.owner == user && !d.revoked));
    if own { Ok(id) } else { Err(ApiError::not_found("device")) }
}
