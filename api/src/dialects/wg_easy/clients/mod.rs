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
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse as _, Response},
};
use nexavpn_commands::DeviceChange;
use nexavpn_domain::ids::DeviceId;

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
    let done = app.commands.change_device(&guest.request, id, change).await?;
    let settled = app.settle(done.position).await;
    Ok(settled.answer(axum::Json(dialect.whole(id).await?).into_response()))
}
