//! `POST /api/wireguard/client`

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use nexavpn_commands::{DeviceSecrets, EnrolRequest, ForUser, NewKey};
use serde::Deserialize;
use serde_json::json;

use super::{
    super::{WgEasy, admission::Guest, body::Body, drawing::Drawing, error::DialectError},
    expiry::end_of_day,
};
use crate::http::AsItIs;

/// The longest name of the contract.
const LONGEST: usize = 50;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct New {
    name: String,
    /// Version 14's: a day, or nothing.
    expired_date: Option<String>,
}

/// Makes a client with keys and an address of its own. The answer is all that it needs.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    guest: Guest,
    Body(new): Body<New>,
) -> Result<Response, DialectError> {
    if guest.follows_contract() {
        contract_name(&new.name)?;
    }
    let expires_at: Option<DateTime<Utc>> = match new.expired_date.as_deref() {
        None => None,
        Some(day) => end_of_day("expiredDate", day)?,
    };
    let app = &dialect.app;
    let (name, drawing) = (new.name.clone(), Drawing::default());
    let request = EnrolRequest {
        name: new.name,
        platform: None,
        os_version: None,
        app_version: None,
        fingerprint: None,
        key: NewKey::GenerateKept,
        gateway_id: dialect.gateway,
        address: None,
        expires_at,
        meanwhile: Some(drawing.meanwhile(app)),
    };
    let for_owner = ForUser::Dialect(dialect.owner);
    let done = app.commands.enrol_device(&guest.request, for_owner, request).await?;
    let mut settled = app.acknowledge(done.position).await;
    let enrolled = done.value;
    let id = enrolled.device_id;
    let secrets =
        DeviceSecrets { private_key: enrolled.private_key, preshared_key: enrolled.preshared_key };
    let view = dialect.made(&mut settled, id, &secrets, drawing).await;
    let created = match view {
        Ok(view) => Json(view).into_response(),
        // It is made all the same: an error would have its caller make another one.
        Err(_) => Json(json!({ "success": true, "id": id, "name": name, "enabled": true }))
            .into_response(),
    };
    // Keys and a picture that is compressed already are most of it.
    Ok(settled.answer((StatusCode::CREATED, Extension(AsItIs), created)))
}

/// The contract's names. Version 14 takes any, as the rest of NexaVPN does.
fn contract_name(name: &str) -> Result<(), DialectError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(allowed) {
        let message = format!(
            "name must have 1 to {LONGEST} characters: letters of ASCII, digits, underscores and \
             hyphens"
        );
        return Err(DialectError::invalid(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_contract() {
        for name in ["a", "user_123456_1730000000", "A-b_9", &"x".repeat(50)] {
            assert!(contract_name(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "ä", "a.b", "a/b", "a\n", &"x".repeat(51)] {
            assert!(contract_name(name).is_err(), "{name}");
        }
    }
}
