//! Which key of its gateway a device's client gets to know with its profile.

use nexavpn_domain::{
    fleet::{ClientProfile, GatewayState},
    ids::DeviceId,
    values::PublicKey,
};

use crate::App;

/// A gateway's key that came or comes by a planned rotation, which is over once all clients have it.
pub(crate) enum TaughtKey {
    /// The next one, which the profile's text does not have.
    Next(PublicKey),
    /// The one in force.
    InForce(PublicKey),
    /// There is no rotation.
    None,
}

impl TaughtKey {
    pub(crate) fn of(gateway: &GatewayState, profile: &ClientProfile) -> Self {
        match &profile.next_key {
            Some(next) => Self::Next(next.public_key.clone()),
            None if gateway.keys.switched() => Self::InForce(profile.gateway_key.clone()),
            None => Self::None,
        }
    }

    /// Notes that the device's client gets to know it, by the whole of the profile or by its text
    /// alone. A failure does not keep the client from its profile: it is noted the next time.
    pub(crate) async fn note(&self, app: &App, device: DeviceId, whole: bool) {
        let key = match self {
            Self::Next(key) if whole => key,
            Self::InForce(key) => key,
            Self::Next(_) | Self::None => return,
        };
        if let Err(error) = app.reports.record_gateway_key(device, key, app.commands.now()).await {
            tracing::warn!(%device, %error, "that a device has a gateway's key was not noted");
        }
    }
}
