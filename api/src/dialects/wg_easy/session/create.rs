//! `POST /api/session`

use axum::{
    Extension,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use chrono::TimeDelta;
use nexavpn_commands::{DialectLogin, Secret};
use serde::Deserialize;
use serde_json::json;

use super::super::{NAME, WgEasy, admission::Guest, body::Body, error::DialectError, token};
use crate::auth::{Origin, TokenUse, is_own};

/// The request. Version 14's `remember` is no use: a session lasts a day.
#[derive(Deserialize)]
pub(in super::super) struct New {
    password: String,
}

/// Begins a session: the token is in the body, for clients of the contract, and in a cookie, for all
/// others.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    Extension(origin): Extension<Origin>,
    guest: Guest,
    headers: HeaderMap,
    Body(new): Body<New>,
) -> Result<Response, DialectError> {
    if !is_own(&headers) {
        return Err(DialectError::unauthorized("another site's page may not sign in here"));
    }
    let app = &dialect.app;
    let login = DialectLogin {
        dialect: NAME,
        user: dialect.owner,
        password_hash: &dialect.password_hash,
        lifetime: TimeDelta::seconds(TokenUse::WgEasy.lifetime()),
    };
    let password = Secret::new(new.password);
    let done = app.commands.login_by_dialect(&guest.request, login, password).await;
    let done = done.map_err(|error| match DialectError::from(error) {
        // Version 14's words, which some clients look for.
        error if error.is_unauthorized() => DialectError::unauthorized("Incorrect Password"),
        error => error,
    })?;
    let now = app.commands.now();
    let token = app.tokens.issue_for(TokenUse::WgEasy, dialect.owner, done.value, now).await?;
    let settled = app.settle(done.position).await;
    let body = axum::Json(json!({ "success": true, "sessionToken": token }));
    let mut response = settled.answer(body.into_response());
    token::cookie().keep(&mut response, &token, TokenUse::WgEasy.lifetime(), origin)?;
    Ok(response)
}
