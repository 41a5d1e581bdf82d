//! `GET /api/session`

use axum::Json;
use serde_json::{Value, json};

use super::super::admission::Guest;

/// Says whether one is signed in. Version 14's clients ask it first.
pub(in super::super) async fn handle(guest: Guest) -> Json<Value> {
    Json(json!({ "requiresPassword": true, "authenticated": guest.session().is_some() }))
}
