//! The parts of the folded state.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Compiled;
use crate::{
    access::Rule,
    device::DeviceEvent,
    gateway::{GatewayFields, GatewayKeys},
    ids::{GatewayId, PolicyId, UserId},
    policy::Policy,
    values::{Addresses, PskRef, PublicKey, Role},
};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserState {
    /// What the user may do.
    pub role: Role,
    /// Whether the user's devices count.
    pub enabled: bool,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupState {
    /// Its name.
    pub name: String,
    /// Its members, deleted users among them.
    pub members: BTreeSet<UserId>,
}

/// A key that signs bundles, or has signed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKey {
    /// Its id.
    pub id: String,
    /// The raw Ed25519 public key in base64.
    pub public_key: String,
    /// Its signature by the key before it, in base64; none of the first.
    pub signed_by_previous: Option<String>,
}

/// A policy.
#[derive(Debug, Clone)]
pub struct PolicyState {
    /// The policy as folded.
    pub policy: Policy,
    /// The idx of its creation: its age among policies of equal priority and effect.
    pub created_idx: i64,
    /// The policy as the evaluator takes it.
    pub rule: Arc<Rule>,
}

impl PolicyState {
    pub(super) fn new(id: PolicyId, policy: Policy, created_idx: i64) -> Option<Self> {
        let rule = Arc::new(Rule::of(id, policy.fields()?, created_idx.unsigned_abs()));
        Some(Self { policy, created_idx, rule })
    }
}

/// A gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayState {
    /// What an admin has set.
    pub fields: GatewayFields,
    /// Its WireGuard keys.
    pub keys: GatewayKeys,
    /// Whether its devices are moved elsewhere, and no others come.
    pub drained: bool,
    /// The idx of the newest event that changed its bundle.
    pub revision: i64,
    /// The effective time of that event.
    pub revised_at: DateTime<Utc>,
}

impl GatewayState {
    /// The gateway's own tunnel addresses.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.fields.pool.gateway_addresses()
    }

    /// Whether a resolver of its devices listens on its own tunnel address.
    #[must_use]
    pub fn dns_on_gateway(&self) -> bool {
        let own: Vec<IpAddr> = self.addresses().iter().collect();
        self.fields.dns_servers.iter().any(|ip| own.contains(ip))
    }

    /// What its bundle holds besides devices and their access, as far as it can change: port, MTU,
    /// for how long it goes on alone, whether it answers DNS, where it masquerades, in whatever
    /// order that was written, which key it uses, and for which rotation it makes one.
    pub(super) fn own_part_of_bundle(&self) -> impl PartialEq {
        let GatewayFields { listen_port, mtu, max_stale_s, masquerade_interfaces, .. } =
            &self.fields;
        let interfaces: BTreeSet<&str> = masquerade_interfaces.iter().map(String::as_str).collect();
        let keys = (self.keys.named(), self.keys.rotation().map(|rotation| rotation.number));
        (*listen_port, *mtu, *max_stale_s, self.dns_on_gateway(), interfaces, keys)
    }
}

/// Whether a device is a peer, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "snake_case"))]
pub enum DeviceStatus {
    /// A peer.
    Active,
    /// Disabled by an admin.
    Disabled,
    /// Its owner is disabled or deleted.
    OwnerDisabled,
    /// Its date has come.
    Expired,
    /// The deadline for a new key has passed.
    RotationLapsed,
    /// Out for good.
    Revoked,
}

impl DeviceStatus {
    /// The name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::OwnerDisabled => "owner_disabled",
            Self::Expired => "expired",
            Self::RotationLapsed => "rotation_lapsed",
            Self::Revoked => "revoked",
        }
    }
}

/// A device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceState {
    /// Whose device it is.
    pub owner: UserId,
    /// Its gateway.
    pub gateway_id: GatewayId,
    /// Its key.
    pub public_key: PublicKey,
    /// Names its preshared key, if it has one.
    pub psk_ref: Option<PskRef>,
    /// Its tunnel addresses.
    pub addresses: Addresses,
    /// Whether an admin lets it in.
    pub enabled: bool,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it has expired.
    pub expired: bool,
    /// By when it needs a new key.
    pub rotation_deadline: Option<DateTime<Utc>>,
    /// Whether that deadline has passed.
    pub rotation_lapsed: bool,
    /// Whether it is out for good.
    pub revoked: bool,
    /// 1 at enrolment, then one more for each event that changes what the profile says and for
    /// each rotation.
    pub profile_revision: i64,
    pub(super) profile_digest: Option<u128>,
    #[serde(skip)]
    pub(super) owner_enabled: bool,
    #[serde(skip)]
    pub(super) compiled: Option<Arc<Compiled>>,
    #[serde(skip)]
    pub(super) peer: Option<Peer>,
}

impl DeviceState {
    /// A device that has just been enrolled; none of any other event.
    pub(super) fn enrolled(event: &DeviceEvent) -> Option<Self> {
        let DeviceEvent::Enrolled { owner, gateway_id, public_key, addresses, .. } = event else {
            return None;
        };
        Some(Self {
            owner: *owner,
            gateway_id: *gateway_id,
            public_key: public_key.clone(),
            psk_ref: None,
            addresses: *addresses,
            enabled: true,
            expires_at: None,
            expired: false,
            rotation_deadline: None,
            rotation_lapsed: false,
            revoked: false,
            profile_revision: 0,
            profile_digest: None,
            owner_enabled: false,
            compiled: None,
            peer: None,
        })
    }

    /// Whether the device is a peer, and if not, why.
    #[must_use]
    pub const fn status(&self) -> DeviceStatus {
        self.status_of(self.owner_enabled)
    }

    /// The same, where it is known otherwise whether its owner counts.
    pub(super) const fn status_of(&self, owner_enabled: bool) -> DeviceStatus {
        if self.revoked {
            DeviceStatus::Revoked
        } else if !owner_enabled {
            DeviceStatus::OwnerDisabled
        } else if !self.enabled {
            DeviceStatus::Disabled
        } else if self.expired {
            DeviceStatus::Expired
        } else if self.rotation_lapsed {
            DeviceStatus::RotationLapsed
        } else {
            DeviceStatus::Active
        }
    }

    /// Whether the device needs a new key.
    #[must_use]
    pub const fn reprovision_required(&self) -> bool {
        self.rotation_deadline.is_some()
    }

    /// Whether a client that has this revision of its profile should fetch it again, or needs a
    /// new key.
    #[must_use]
    pub fn is_outdated(&self, revision: Option<i64>) -> bool {
        self.reprovision_required() || revision.is_some_and(|r| r != self.profile_revision)
    }

    /// What the gateway's bundle holds for it; `None` while it is no peer.
    #[must_use]
    pub const fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// Without what follows from all the rest.
    pub(super) fn facts(&self) -> Self {
        Self {
            owner_enabled: false,
            compiled: None,
            peer: None,
            public_key: self.public_key.clone(),
            ..*self
        }
    }

    /// The moment after which the gateway drops it by itself, as a backstop to the event.
    pub(super) fn not_after(&self) -> Option<DateTime<Utc>> {
        self.expires_at.into_iter().chain(self.rotation_deadline).min()
    }
}

/// A device as its gateway's bundle holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its key.
    pub public_key: PublicKey,
    /// Names its preshared key, if it has one.
    pub psk_ref: Option<PskRef>,
    /// Its tunnel addresses.
    pub addresses: Addresses,
    /// Its access.
    pub compiled: Arc<Compiled>,
    /// When the gateway drops it by itself.
    pub not_after: Option<DateTime<Utc>>,
}
