//! `PUT /api/wireguard/client/{id}/name`

use axum::{extract::State, response::Response};
use nexavpn_commands::DeviceChange;
use serde::Deserialize;

use super::{
    super::{WgEasy, admission::Guest, body::Body, error::DialectError},
    ClientId, change,
};

#[derive(Deserialize)]
pub(in super::super) struct Name {
    name: String,
}

/// Gives a client another name; any that a device may have.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    guest: Guest,
    id: ClientId,
    Body(Name { name }): Body<Name>,
) -> Result<Response, DialectError> {
    let wish = DeviceChange { name: Some(name), ..DeviceChange::default() };
    change(&dialect, &guest, id, wish).await
}
