//! The answer to an enrolment: the contract's `device`, `peer`, `profile` and `resources`.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use nexavpn_commands::{Enrolled, Secret};
use nexavpn_domain::{
    StoredEvent as _,
    access::Resource,
    device::DeviceEvent,
    fleet::{ClientProfile, DeviceStatus},
    ids::{DeviceId, GatewayId},
};
use nexavpn_projections::past;
use serde::Serialize;
use utoipa::ToSchema;

use super::{TaughtKey, qr::Qr};
use crate::{App, BASE_PATH, consistency::Settled, error::ApiError, idempotency::shows_secrets};

/// Where an answer shows secrets.
const SECRETS: &[&str] = &[
    "/profile/content",
    "/profile/qr_svg",
    "/peer/preshared_key",
    "/private_key",
    "/preshared_key",
];

/// Everything that a client needs to connect.
#[derive(Serialize, ToSchema)]
#[schema(as = Enrolment)]
pub(crate) struct EnrolmentView {
    device: DeviceSummary,
    peer: PeerView,
    profile: ProfileText,
    resources: Vec<ResourceView>,
    /// Of which gateway key its client knows from now on, by the whole of it or by the profile's
    /// text.
    #[serde(skip)]
    gateway_key: TaughtKey,
}

#[derive(Serialize, ToSchema)]
struct DeviceSummary {
    id: DeviceId,
    name: Option<String>,
    #[schema(value_type = DeviceStatus)]
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Peer)]
struct PeerView {
    assigned_ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_ipv6: Option<String>,
    public_key: String,
    /// The preshared key, where the gateway wants one; shown this once only.
    #[serde(skip_serializing_if = "Option::is_none")]
    preshared_key: Option<String>,
    dns_servers: Vec<String>,
    allowed_ips: Vec<String>,
    gateway: GatewaySummary,
    profile_revision: i64,
    reprovision_required: bool,
}

#[derive(Serialize, ToSchema)]
struct GatewaySummary {
    id: GatewayId,
    name: String,
    endpoint: String,
    public_key: String,
    /// The key that the gateway will have, while its key is being rotated: the client uses it from
    /// `switch_at` on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_gateway_key: Option<String>,
    /// When the next key comes into force. It may be brought forward: where the gateway stops
    /// answering, the client tries the next key.
    #[serde(skip_serializing_if = "Option::is_none")]
    switch_at: Option<DateTime<Utc>>,
}

/// The keys that an answer shows this once.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shown<'a> {
    private_key: Option<&'a Secret>,
    preshared_key: Option<&'a Secret>,
}

impl<'a> Shown<'a> {
    fn of(enrolled: &'a Enrolled) -> Self {
        let Enrolled { private_key, preshared_key, .. } = enrolled;
        Self { private_key: private_key.as_ref(), preshared_key: preshared_key.as_ref() }
    }

    fn anything(self) -> bool {
        self.private_key.is_some() || self.preshared_key.is_some()
    }

    /// Whether nothing is missing in the profile.
    fn completes(self, profile: &ClientProfile) -> bool {
        self.private_key.is_some() && (self.preshared_key.is_some() || !profile.preshared)
    }
}

/// All that can be said of an enrolment while reads are behind. Its keys are among it, for they are
/// shown this once.
#[derive(Serialize)]
struct Bare<'a> {
    device: BareDevice,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preshared_key: Option<&'a str>,
}

#[derive(Serialize)]
struct BareDevice {
    id: DeviceId,
}

/// A rendered WireGuard profile.
#[derive(Serialize, ToSchema)]
struct ProfileText {
    format: &'static str,
    content: String,
    /// Whether `content` holds all keys, which are shown this once only.
    complete: bool,
    /// A complete `content` as a QR code for a phone, in SVG; none where it is too long for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr_svg: Option<String>,
}

/// A destination that the device may reach.
#[derive(Serialize, ToSchema)]
#[schema(as = Resource)]
pub(crate) struct ResourceView {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
    label: String,
}

impl From<&Resource> for ResourceView {
    fn from(resource: &Resource) -> Self {
        Self { kind: "cidr", value: resource.network.to_string(), label: resource.label.clone() }
    }
}

/// Renders a profile.
fn profile_text(profile: &ClientProfile, shown: Shown<'_>) -> ProfileText {
    let expose = |key: Option<&Secret>| key.map(|key| key.expose().to_owned());
    let (private, preshared) = (expose(shown.private_key), expose(shown.preshared_key));
    let content = profile.render(private.as_deref(), preshared.as_deref());
    let complete = shown.completes(profile);
    let qr_svg = complete.then(|| Qr::of(&content)).flatten().map(|qr| qr.svg());
    ProfileText { format: "wireguard", content, complete, qr_svg }
}

impl EnrolmentView {
    /// The answer to an enrolment, which has happened whether it can be read back yet or not.
    /// `route` is where the caller finds the device.
    pub(crate) async fn answer(
        app: &App,
        mut settled: Settled,
        enrolled: &Enrolled,
        route: &str,
    ) -> Result<Response, ApiError> {
        let (id, shown) = (enrolled.device_id, Shown::of(enrolled));
        let status = if enrolled.created { StatusCode::CREATED } else { StatusCode::OK };
        let location =
            [(header::LOCATION, format!("{BASE_PATH}{}", route.replace("{id}", &id.to_string())))];
        let events = settled.just_appended(app, (DeviceEvent::AGGREGATE_TYPE, id.0));
        let view = match past::new_device(&events) {
            Ok(Some(device)) => Self::named(app, id, device.name, shown),
            Ok(None) | Err(_) => {
                settled = settled.readable(app).await;
                Self::of(app, id, shown).await
            }
        };
        // Whoever has a key made, or enrols for somebody else, passes on the text at best.
        let whole = shown.private_key.is_none() && !route.starts_with("/admin/");
        if let Ok(view) = &view {
            view.note_key(app, whole).await;
        }
        let view = view.map(|v| (status, location.clone(), axum::Json(v)).into_response());
        let bare = Bare {
            device: BareDevice { id },
            private_key: shown.private_key.map(Secret::expose),
            preshared_key: shown.preshared_key.map(Secret::expose),
        };
        let answer = settled.answer_or(view, (status, location, axum::Json(bare)))?;
        Ok(if shown.anything() { shows_secrets(answer, SECRETS) } else { answer })
    }

    /// Notes which key of its gateway the device's client gets to know, by the whole of this or by
    /// the text alone.
    pub(crate) async fn note_key(&self, app: &App, whole: bool) {
        self.gateway_key.note(app, self.device.id, whole).await;
    }

    /// The profile's text.
    pub(crate) fn into_content(self) -> String {
        self.profile.content
    }

    /// The view of a device, with its keys where they may be shown.
    pub(crate) async fn of(app: &App, id: DeviceId, shown: Shown<'_>) -> Result<Self, ApiError> {
        let name = nexavpn_projections::devices::get(app.direct(), id).await?.and_then(|d| d.name);
        Self::named(app, id, name, shown)
    }

    fn named(
        app: &App,
        id: DeviceId,
        name: Option<String>,
        shown: Shown<'_>,
    ) -> Result<Self, ApiError> {
        app.fleet
            .read(|fleet| {
                let device = fleet.device(id)?;
                let gateway = fleet.gateway(device.gateway_id)?;
                let profile = fleet.client_profile(id)?;
                let compiled = fleet.compiled(id)?;
                let next = profile.next_key.as_ref();
                let gateway_key = TaughtKey::of(gateway, &profile);
                Some(Self {
                    device: DeviceSummary { id, name, status: device.status().as_str() },
                    peer: PeerView {
                        assigned_ip: format!("{}/32", device.addresses.v4),
                        assigned_ipv6: device.addresses.v6.map(|ip| format!("{ip}/128")),
                        public_key: device.public_key.to_string(),
                        preshared_key: shown.preshared_key.map(|key| key.expose().to_owned()),
                        dns_servers: strings(&profile.dns_servers),
                        allowed_ips: strings(compiled.allowed_ips()),
                        gateway: GatewaySummary {
                            id: device.gateway_id,
                            name: gateway.fields.name.clone(),
                            endpoint: gateway.fields.endpoint.to_string(),
                            public_key: profile.gateway_key.to_string(),
                            next_gateway_key: next.map(|next| next.public_key.to_string()),
                            switch_at: next.map(|next| next.switch_at),
                        },
                        profile_revision: device.profile_revision,
                        reprovision_required: device.reprovision_required(),
                    },
                    profile: profile_text(&profile, shown),
                    resources: compiled.resources().iter().map(ResourceView::from).collect(),
                    gateway_key,
                })
            })
            .ok_or_else(|| {
                // Committed, but the fleet is behind: the next read has it.
                ApiError::unavailable(
                    "not_yet_consistent",
                    "the device's profile is not readable yet: try GET /me/profile",
                    1,
                )
            })
    }
}

fn strings<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
