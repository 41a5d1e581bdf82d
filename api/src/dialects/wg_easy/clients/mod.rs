//! Clients: devices of the dialect's owner.

pub(super) mod address;
pub(super) mod configuration;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod expiry;
pub(super) mod get;
pub(super) mod list;
pub(super) mod qrcode;
pub(super) mod rename;
pub(super) mod switch;

use axum::{
    Json,
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse as _, Response},
};
use nexavpn_commands::{DeviceChange, Whose};
use nexavpn_domain::ids::DeviceId;
use serde_json::json;

use super::{WgEasy, admission::Guest, error::DialectError};

/// The client that a path names. What is no id of ours names none.
pub(super) struct ClientId(DeviceId);

impl<S: Send + Sync> FromRequestParts<S> for ClientId {
    type Rejection = DialectError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, DialectError> {
        let path = axum::extract::Path::<DeviceId>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(id)| Self(id)).map_err(|_| DialectError::no_such_client())
    }
}

/// Changes a client, and answers the whole of it.
async fn change(
    dialect: &WgEasy,
    guest: &Guest,
    ClientId(id): ClientId,
    change: DeviceChange,
) -> Result<Response, DialectError> {
    dialect.device(id).await?;
    let app = &dialect.app;
    let whose = Whose::Of(dialect.owner);
    let done = app.commands.change_device(&guest.request, whose, id, change).await?;
    let settled = app.settle(done.position).await;
    let changed = match dialect.whole(id).await {
        Ok(whole) => Json(whole).into_response(),
        // It is changed all the same.
        Err(_) => Json(json!({ "success": true, "id": id })).into_response(),
    };
    Ok(settled.answer(changed))
}
