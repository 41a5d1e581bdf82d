//! `POST /api/wireguard/client/{id}/enable` and `…/disable`

use axum::{extract::State, response::Response};
use nexavpn_commands::DeviceChange;

use super::{
    super::{WgEasy, admission::Guest, error::DialectError},
    ClientId, change,
};

/// Lets a client in. One that has expired stays out until its date is another one.
pub(in super::super) async fn enable(
    State(dialect): State<WgEasy>,
    guest: Guest,
    id: ClientId,
) -> Result<Response, DialectError> {
    change(&dialect, &guest, id, enabled(true)).await
}

/// Cuts a client off for the time being.
pub(in super::super) async fn disable(
    State(dialect): State<WgEasy>,
    guest: Guest,
    id: ClientId,
) -> Result<Response, DialectError> {
    change(&dialect, &guest, id, enabled(false)).await
}

fn enabled(on: bool) -> DeviceChange {
    DeviceChange { enabled: Some(on), ..DeviceChange::default() }
}
