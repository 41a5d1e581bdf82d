//! The planned rotation of a gateway's key.

pub(super) mod call_off;
pub(super) mod devices;
pub(super) mod get;
pub(super) mod start;
pub(super) mod switch;

use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use nexavpn_domain::{
    DomainError,
    gateway::{GatewayKeys, KeyRotation},
    ids::GatewayId,
    values::PublicKey,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{App, consistency::Settled, error::ApiError};

/// Where the rotation of a gateway's key stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = KeyRotation)]
pub(super) struct KeyRotationView {
    status: KeyRotationStatus,
    /// When the next key comes into force; null once it is in force.
    switch_at: Option<DateTime<Utc>>,
    /// The next key; null until the node has announced it. Once it is in force, that key.
    next_gateway_key: Option<String>,
}

/// How far a rotation has come.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KeyRotationStatus)]
enum KeyRotationStatus {
    /// The node has not announced the next key yet. Where it does not until the time of the
    /// switch, the rotation is called off.
    WaitingForNode,
    /// The next key is in the devices' profiles.
    Announced,
    /// The next key is in force.
    Switched,
}

/// Where the rotation of a gateway's key stands, and for how many devices.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeyRotationProgress)]
pub(super) struct KeyRotationProgress {
    gateway_id: GatewayId,
    #[serde(flatten)]
    rotation: KeyRotationView,
    /// How many devices have not fetched a profile with the next key; null until there is one.
    devices_left: Option<i64>,
}

impl KeyRotationView {
    /// A rotation that is under way.
    pub(super) fn under_way(keys: &GatewayKeys) -> Option<Self> {
        let KeyRotation { switch_at, next_key, .. } = keys.rotation()?;
        let status = match next_key {
            Some(_) => KeyRotationStatus::Announced,
            None => KeyRotationStatus::WaitingForNode,
        };
        let next_gateway_key = next_key.as_ref().map(ToString::to_string);
        Some(Self { status, switch_at: Some(*switch_at), next_gateway_key })
    }

    /// The last rotation, where its key is in force.
    fn over(keys: &GatewayKeys) -> Option<Self> {
        let key = keys.in_force().filter(|_| keys.switched())?;
        let status = KeyRotationStatus::Switched;
        Some(Self { status, switch_at: None, next_gateway_key: Some(key.to_string()) })
    }
}

/// The keys of a gateway whose rotation is asked for; 404 where there is none.
fn rotated(app: &App, id: GatewayId) -> Result<(KeyRotationView, Option<PublicKey>), ApiError> {
    let keys = app.fleet.read(|fleet| fleet.gateway(id).map(|gateway| gateway.keys.clone()));
    let keys = keys.ok_or_else(|| ApiError::not_found("gateway"))?;
    let view = KeyRotationView::under_way(&keys).or_else(|| KeyRotationView::over(&keys));
    let view = view.ok_or_else(|| DomainError::not_found("key rotation"))?;
    let key = match keys.rotation() {
        Some(rotation) => rotation.next_key.clone(),
        None => keys.in_force().cloned(),
    };
    Ok((view, key))
}

impl KeyRotationProgress {
    async fn load(app: &App, id: GatewayId) -> Result<Self, ApiError> {
        let (rotation, key) = rotated(app, id)?;
        let devices_left = match &key {
            Some(key) => Some(app.reports.devices_without_key(id, key).await?),
            None => None,
        };
        Ok(Self { gateway_id: id, rotation, devices_left })
    }

    /// The answer to a command.
    async fn answer(app: &App, settled: Settled, id: GatewayId) -> Result<Response, ApiError> {
        let view = Self::load(app, id).await;
        let view = view.map(|view| (StatusCode::ACCEPTED, axum::Json(view)).into_response());
        let bare = axum::Json(json!({ "gateway_id": id }));
        settled.answer_or(view, (StatusCode::ACCEPTED, bare))
    }
}
