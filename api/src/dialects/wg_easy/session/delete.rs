//! `DELETE /api/session`

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use super::super::{WgEasy, admission::Guest, error::DialectError, token};
use crate::auth::Origin;

/// Ends the session at once: its cookie and its token.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    Extension(origin): Extension<Origin>,
    guest: Guest,
) -> Result<Response, DialectError> {
    let app = &dialect.app;
    let mut position = None;
    if let Some(session) = guest.session() {
        position = app.commands.logout_of(&guest.request, session).await?.position;
    }
    let settled = app.settle(position).await;
    let mut response = settled.answer(axum::Json(json!({ "success": true })).into_response());
    token::cookie().forget(&mut response, origin)?;
    Ok(response)
}
