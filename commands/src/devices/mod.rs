//! Commands about devices (life of a device: design, section 5).

mod change;
mod enrol;
mod gateways;
mod input;
mod kept;
mod place;
mod preshared;
mod whose;

pub(crate) use change::plan_revocation;
pub(crate) use gateways::{Gateways, Load};
pub use kept::DeviceSecrets;
pub(crate) use place::Places;
pub use whose::Whose;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    device::Enrolment,
    ids::{DeviceId, GatewayId, SessionId, UserId},
};

use crate::{Secret, Settings};

/// Where a new device's key comes from.
#[derive(Debug, Clone)]
pub enum NewKey {
    /// The client made it; this is the public half in base64.
    Client(String),
    /// The control plane makes it, shows the private half once and forgets it.
    Generate,
    /// The control plane makes it and keeps it sealed, since a dialect serves the device's
    /// configuration again. A preshared key comes with it, whatever the gateway wants.
    GenerateKept,
}

/// A device to enrol. Debug would show personal data, so there is none.
#[derive(Clone)]
pub struct EnrolRequest {
    /// What the owner calls it.
    pub name: String,
    /// `macos`, `linux`, …
    pub platform: Option<String>,
    /// As the client says.
    pub os_version: Option<String>,
    /// As the client says.
    pub app_version: Option<String>,
    /// The client's stable mark of the machine.
    pub fingerprint: Option<String>,
    /// Its key.
    pub key: NewKey,
    /// A wish for a gateway; the one with the fewest devices otherwise.
    pub gateway_id: Option<GatewayId>,
    /// A free tunnel address of the gateway's pool; the next one otherwise.
    pub address: Option<String>,
    /// When it stops being a peer. Of a device that is there already it is for admins to change.
    pub expires_at: Option<DateTime<Utc>>,
    /// Told of a new device that is about to be stored, perhaps several times, and perhaps for
    /// nothing: what its answer needs can be made meanwhile.
    pub meanwhile: Option<Meanwhile>,
}

/// See [`EnrolRequest::meanwhile`].
pub type Meanwhile = Arc<dyn Fn(DeviceId, &Enrolment, &DeviceSecrets) + Send + Sync>;

/// Who enrols for whom.
#[derive(Debug, Clone, Copy)]
pub enum ForUser {
    /// The client of a login session: the session becomes the device's.
    Session(UserId, SessionId),
    /// A user on a page: no session belongs to it.
    User(UserId),
    /// An admin on a page, for any user.
    Admin(UserId),
    /// A dialect, whose clients are all devices of one user: as many as there are.
    Dialect(UserId),
}

impl ForUser {
    const fn user(self) -> UserId {
        match self {
            Self::Session(user, _) | Self::User(user) | Self::Admin(user) | Self::Dialect(user) => {
                user
            }
        }
    }

    /// How many devices the user may have then; none means any number.
    const fn limit(self, settings: &Settings) -> Option<u32> {
        match self {
            Self::Session(..) | Self::User(_) | Self::Admin(_) => Some(settings.devices_per_user),
            Self::Dialect(_) => None,
        }
    }

    /// Whether an enrolment may give a device that is there already another expiry date: else its
    /// owner could lift the one that an admin has set.
    const fn changes_expiry(self) -> bool {
        match self {
            Self::Session(..) | Self::User(_) => false,
            Self::Admin(_) | Self::Dialect(_) => true,
        }
    }
}

/// An enrolled device.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// Which.
    pub device_id: DeviceId,
    /// The private key where the control plane made it; shown once.
    pub private_key: Option<Secret>,
    /// The preshared key in base64, where its gateway wants one; shown once.
    pub preshared_key: Option<Secret>,
    /// Whether the device is new; otherwise one that exists got a new key or was simply found.
    pub created: bool,
}

/// What to change of a device.
#[derive(Clone, Default)]
pub struct DeviceChange {
    /// Another name.
    pub name: Option<String>,
    /// Another kind of machine.
    pub platform: Option<String>,
    /// Somebody else's.
    pub owner: Option<UserId>,
    /// Another gateway.
    pub gateway: Option<GatewayId>,
    /// Another free tunnel address of the pool of its gateway, or of the other one.
    pub address: Option<String>,
    /// Whether it is let in.
    pub enabled: Option<bool>,
    /// Another or no expiry date.
    pub expires_at: Option<Option<DateTime<Utc>>>,
}
