//! What can happen to a device.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aggregate::wire_names,
    event::{Claim, ClaimKind, Effect, StoredEvent},
    ids::{GatewayId, UserId},
    occasion::{Kind, Occasion},
    personal::Personal,
    values::{Addresses, PskRef, PublicKey, Slot},
};

/// Who made the key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOrigin {
    /// The device: its private key never left it.
    Client,
    /// The control plane, which showed the private key once and forgot it, or keeps it sealed where
    /// a dialect serves the device's configuration again.
    Server,
}

/// An event of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum DeviceEvent {
    /// The device is a peer of its gateway from now on.
    #[serde(rename = "device.enrolled")]
    Enrolled {
        /// Whose device it is.
        owner: UserId,
        /// What the owner calls it.
        name: Personal,
        /// `macos`, `linux`, … as the client says.
        platform: String,
        /// As the client says.
        #[serde(default)]
        os_version: Option<Personal>,
        /// As the client says.
        #[serde(default)]
        app_version: Option<String>,
        /// The client's stable mark of the machine.
        #[serde(default)]
        fingerprint: Option<Personal>,
        /// Its WireGuard key.
        public_key: PublicKey,
        /// Who made the key.
        key_origin: KeyOrigin,
        /// Its gateway.
        gateway_id: GatewayId,
        /// Its place in the gateway's pool.
        slot: Slot,
        /// The addresses of that place.
        addresses: Addresses,
    },
    /// A new key, and with it fresh facts about the client; the old key is out.
    #[serde(rename = "device.reprovisioned")]
    Reprovisioned {
        /// Whose device it is.
        owner: UserId,
        /// The new key.
        public_key: PublicKey,
        /// Who made it.
        key_origin: KeyOrigin,
        /// As the client says.
        #[serde(default)]
        os_version: Option<Personal>,
        /// As the client says.
        #[serde(default)]
        app_version: Option<String>,
    },
    /// Another preshared key, or none: client and gateway use it besides the other keys.
    #[serde(rename = "device.preshared_key_changed")]
    PresharedKeyChanged {
        /// Names the key.
        psk_ref: Option<PskRef>,
    },
    /// Another name.
    #[serde(rename = "device.renamed")]
    Renamed {
        /// Whose device it is.
        owner: UserId,
        /// The new name.
        name: Personal,
    },
    /// Another kind of machine.
    #[serde(rename = "device.platform_changed")]
    PlatformChanged {
        /// `macos`, `linux`, …
        platform: String,
    },
    /// Somebody else's from now on. What is personal goes along, and stays the data of those who
    /// had the device before as well: it is gone once any of them is erased.
    #[serde(rename = "device.owner_changed")]
    OwnerChanged {
        /// Whose device it is now.
        owner: UserId,
        /// Whose data the fields below are besides; the last one had the device until now.
        former_owners: Vec<UserId>,
        /// What it is called.
        name: Personal,
        /// As the client said last.
        #[serde(default)]
        os_version: Option<Personal>,
        /// The client's stable mark of the machine.
        #[serde(default)]
        fingerprint: Option<Personal>,
    },
    /// Another place in the gateway's pool; the one before rests.
    #[serde(rename = "device.address_changed")]
    AddressChanged {
        /// Its gateway.
        gateway_id: GatewayId,
        /// Its place in the gateway's pool.
        slot: Slot,
        /// The addresses of that place.
        addresses: Addresses,
    },
    /// A peer of another gateway from now on; its place at the one before rests.
    #[serde(rename = "device.gateway_changed")]
    GatewayChanged {
        /// Its gateway now.
        gateway_id: GatewayId,
        /// Its place in that gateway's pool.
        slot: Slot,
        /// The addresses of that place.
        addresses: Addresses,
    },
    /// A new profile and key are asked for; the peer stays until then or until the deadline.
    #[serde(rename = "device.rotation_requested")]
    RotationRequested {
        /// When the old key stops working.
        deadline: DateTime<Utc>,
    },
    /// The deadline for a new key passed: no peer until one comes.
    #[serde(rename = "device.rotation_lapsed")]
    RotationLapsed {},
    /// No peer for the time being.
    #[serde(rename = "device.disabled")]
    Disabled {},
    /// A peer again.
    #[serde(rename = "device.enabled")]
    Enabled {},
    /// Another or no date after which the device is no peer.
    #[serde(rename = "device.expiry_changed")]
    ExpiryChanged {
        /// The date; none means it does not expire.
        expires_at: Option<DateTime<Utc>>,
    },
    /// The expiry date came.
    #[serde(rename = "device.expired")]
    Expired {},
    /// Out for good; its address rests.
    #[serde(rename = "device.revoked")]
    Revoked {
        /// Whose device it was.
        owner: UserId,
        /// Why, in words.
        #[serde(default)]
        reason: Option<Personal>,
    },
}

wire_names!(DeviceEvent {
    Enrolled => "device.enrolled",
    Reprovisioned => "device.reprovisioned",
    PresharedKeyChanged => "device.preshared_key_changed",
    Renamed => "device.renamed",
    PlatformChanged => "device.platform_changed",
    OwnerChanged => "device.owner_changed",
    AddressChanged => "device.address_changed",
    GatewayChanged => "device.gateway_changed",
    RotationRequested => "device.rotation_requested",
    RotationLapsed => "device.rotation_lapsed",
    Disabled => "device.disabled",
    Enabled => "device.enabled",
    ExpiryChanged => "device.expiry_changed",
    Expired => "device.expired",
    Revoked => "device.revoked",
});

/// The personal fields of a stored device event; `None` where the name is not a device event's.
#[must_use]
pub fn personal_fields(event_type: &str) -> Option<&'static [&'static str]> {
    Some(match event_type {
        "device.enrolled" => &["name", "os_version", "fingerprint"],
        "device.reprovisioned" => &["os_version"],
        "device.renamed" => &["name"],
        "device.owner_changed" => &["name", "os_version", "fingerprint"],
        "device.revoked" => &["reason"],
        other if DeviceEvent::WIRE_NAMES.contains(&other) => &[],
        _ => return None,
    })
}

fn name_claim(owner: UserId, name: &Personal) -> Effect {
    let key = name.get().map(|n| format!("{owner}/{n}"));
    Effect::Take(Claim::folded(ClaimKind::DeviceName, key.as_deref()))
}

impl StoredEvent for DeviceEvent {
    const AGGREGATE_TYPE: &'static str = "device";

    fn personal_fields(&self) -> &'static [&'static str] {
        use cqrs_es::DomainEvent as _;
        personal_fields(&self.event_type()).unwrap_or(&[])
    }

    fn subject(&self, _: Uuid) -> Option<UserId> {
        match self {
            Self::Enrolled { owner, .. }
            | Self::Reprovisioned { owner, .. }
            | Self::Renamed { owner, .. }
            | Self::OwnerChanged { owner, .. }
            | Self::Revoked { owner, .. } => Some(*owner),
            Self::PresharedKeyChanged { .. }
            | Self::PlatformChanged { .. }
            | Self::AddressChanged { .. }
            | Self::GatewayChanged { .. }
            | Self::RotationRequested { .. }
            | Self::RotationLapsed {}
            | Self::Disabled {}
            | Self::Enabled {}
            | Self::ExpiryChanged { .. }
            | Self::Expired {} => None,
        }
    }

    fn further_subjects(&self) -> &[UserId] {
        match self {
            Self::OwnerChanged { former_owners, .. } => former_owners,
            Self::Enrolled { .. }
            | Self::Reprovisioned { .. }
            | Self::PresharedKeyChanged { .. }
            | Self::Renamed { .. }
            | Self::PlatformChanged { .. }
            | Self::AddressChanged { .. }
            | Self::GatewayChanged { .. }
            | Self::RotationRequested { .. }
            | Self::RotationLapsed {}
            | Self::Disabled {}
            | Self::Enabled {}
            | Self::ExpiryChanged { .. }
            | Self::Expired {}
            | Self::Revoked { .. } => &[],
        }
    }

    fn effects(&self, _: Uuid) -> Vec<Effect> {
        match self {
            Self::Enrolled { owner, name, public_key, gateway_id, slot, .. } => vec![
                name_claim(*owner, name),
                Effect::Take(Claim::public_key(public_key)),
                Effect::HoldSlot { gateway: *gateway_id, slot: *slot },
            ],
            Self::Reprovisioned { public_key, .. } => {
                vec![Effect::Take(Claim::public_key(public_key))]
            }
            Self::Renamed { owner, name } | Self::OwnerChanged { owner, name, .. } => {
                vec![Effect::Release(ClaimKind::DeviceName), name_claim(*owner, name)]
            }
            Self::AddressChanged { gateway_id, slot, .. }
            | Self::GatewayChanged { gateway_id, slot, .. } => {
                vec![Effect::FreeSlot, Effect::HoldSlot { gateway: *gateway_id, slot: *slot }]
            }
            Self::Revoked { .. } => {
                vec![Effect::Release(ClaimKind::DeviceName), Effect::FreeSlot]
            }
            Self::PresharedKeyChanged { .. }
            | Self::PlatformChanged { .. }
            | Self::RotationRequested { .. }
            | Self::RotationLapsed {}
            | Self::Disabled {}
            | Self::Enabled {}
            | Self::ExpiryChanged { .. }
            | Self::Expired {} => vec![],
        }
    }

    fn occasion(&self) -> Option<Occasion> {
        const EXPIRY: &[Kind] = &[Kind::all("device.enrolled"), Kind::all("device.expiry_changed")];
        const NEW_KEY: &[Kind] = &[Kind::all("device.enrolled"), Kind::all("device.reprovisioned")];
        const ROTATION: Occasion = Occasion::latest(&[Kind::all("device.rotation_requested")])
            .unless(&["device.reprovisioned", "device.rotation_lapsed"]);
        match self {
            Self::Expired {} => Some(Occasion::latest(EXPIRY)),
            Self::Reprovisioned { .. } | Self::RotationLapsed {} => Some(ROTATION),
            Self::PresharedKeyChanged { .. } => Some(Occasion::alongside(NEW_KEY)),
            _ => None,
        }
    }
}
