//! `PUT /api/wireguard/client/{id}/address`

use axum::{extract::State, response::Response};
use nexavpn_commands::DeviceChange;
use serde::Deserialize;

use super::{
    super::{WgEasy, admission::Guest, body::Body, error::DialectError},
    ClientId, change,
};

#[derive(Deserialize)]
pub(in super::super) struct Address {
    address: String,
}

/// Gives a client another free address of its gateway's pool.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    guest: Guest,
    id: ClientId,
    Body(Address { address }): Body<Address>,
) -> Result<Response, DialectError> {
    let wish = DeviceChange { address: Some(address), ..DeviceChange::default() };
    change(&dialect, &guest, id, wish).await
}
