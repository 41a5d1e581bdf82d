//! What can be asked of a device.

use chrono::{DateTime, Utc};

use super::KeyOrigin;
use crate::{
    ids::{GatewayId, UserId},
    values::{Addresses, PskRef, PublicKey, Slot},
};

/// Everything about a new device. Debug would show personal data, so there is none.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Whose device it is.
    pub owner: UserId,
    /// What the owner calls it.
    pub name: String,
    /// `macos`, `linux`, …
    pub platform: String,
    /// As the client says.
    pub os_version: Option<String>,
    /// As the client says.
    pub app_version: Option<String>,
    /// The client's stable mark of the machine.
    pub fingerprint: Option<String>,
    /// Its WireGuard key.
    pub public_key: PublicKey,
    /// Who made the key.
    pub key_origin: KeyOrigin,
    /// Its gateway.
    pub gateway_id: GatewayId,
    /// The reserved place in the gateway's pool.
    pub slot: Slot,
    /// The addresses of that place.
    pub addresses: Addresses,
}

/// A new key for a device that exists.
#[derive(Clone, PartialEq, Eq)]
pub struct Reprovision {
    /// The new key; the present one changes nothing.
    pub public_key: PublicKey,
    /// Who made it.
    pub key_origin: KeyOrigin,
    /// As the client says now.
    pub os_version: Option<String>,
    /// As the client says now.
    pub app_version: Option<String>,
}

/// A command to a device. All values have been validated.
#[derive(Clone, PartialEq, Eq)]
pub enum DeviceCommand {
    /// Makes the device.
    Enrol(Box<Enrolment>),
    /// Gives it a new key.
    Reprovision(Reprovision),
    /// Gives it another preshared key, or none.
    SetPresharedKey(Option<PskRef>),
    /// Gives it another name.
    Rename(String),
    /// Says what kind of machine it is.
    SetPlatform(String),
    /// Makes it somebody else's.
    ChangeOwner(UserId),
    /// Gives it another place in its gateway's pool.
    Move {
        /// The reserved place.
        slot: Slot,
        /// The addresses of that place.
        addresses: Addresses,
    },
    /// Makes it a peer of another gateway.
    ChangeGateway {
        /// Which.
        gateway_id: GatewayId,
        /// The reserved place in that gateway's pool.
        slot: Slot,
        /// The addresses of that place.
        addresses: Addresses,
    },
    /// Asks for a new key by the deadline.
    Rotate {
        /// When the old key stops working.
        deadline: DateTime<Utc>,
    },
    /// Notes that the deadline has passed.
    LapseRotation {
        /// The present.
        now: DateTime<Utc>,
    },
    /// Cuts it off for the time being.
    Disable,
    /// Lets it in again.
    Enable,
    /// Sets the date after which it is no peer; none means never.
    SetExpiry {
        /// The date.
        expires_at: Option<DateTime<Utc>>,
        /// The present.
        now: DateTime<Utc>,
    },
    /// Notes that the expiry date has come.
    Expire {
        /// The present.
        now: DateTime<Utc>,
    },
    /// Puts it out for good.
    Revoke {
        /// Why, in words.
        reason: Option<String>,
    },
}
