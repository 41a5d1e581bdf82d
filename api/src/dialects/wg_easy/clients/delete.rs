//! `DELETE /api/wireguard/client/{id}`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_commands::Whose;

use super::{
    super::{WgEasy, admission::Guest, error::DialectError},
    ClientId,
};

/// Revokes a client: it is no peer any more, and its keys are destroyed. The published contract's
/// 204; version 14 answers 200 with a body.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    guest: Guest,
    ClientId(id): ClientId,
) -> Result<Response, DialectError> {
    let app = &dialect.app;
    let whose = Whose::Of(dialect.owner);
    let done = app.commands.revoke_device(&guest.request, whose, id, None).await?;
    if done.position.is_none() {
        // Somebody else was first.
        return Err(DialectError::no_such_client());
    }
    let settled = app.acknowledge(done.position).await;
    Ok(settled.answer(StatusCode::NO_CONTENT))
}
