//! What all events have in common, and the one type that can hold any of them.

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use crate::{
    device::DeviceEvent,
    gateway::GatewayEvent,
    group::GroupEvent,
    ids::{DeviceId, GatewayId, GroupId, PolicyId, SessionId, UserId, WebhookId},
    occasion::Occasion,
    policy::PolicyEvent,
    security::SecurityEvent,
    session::SessionEvent,
    user::UserEvent,
    values::{Pool, PublicKey, Slot},
    webhook::WebhookEvent,
};

/// The version that every stored shape begins with.
pub const FIRST_VERSION: &str = "1.0";

/// What the event store has to know about an event besides its bytes.
pub trait StoredEvent: cqrs_es::DomainEvent {
    /// The aggregate's type as stored in `events.aggregate_type`.
    const AGGREGATE_TYPE: &'static str;

    /// The top-level payload fields that hold personal data of [`subject`](Self::subject).
    fn personal_fields(&self) -> &'static [&'static str];

    /// Whom the event is about: their data key seals the personal fields, and a reason given with
    /// the event. Never `None` where there are personal fields.
    fn subject(&self, aggregate_id: Uuid) -> Option<UserId>;

    /// Whose data the personal fields are as well: they are sealed with the keys of all of them,
    /// so that erasing any one takes the fields along.
    fn further_subjects(&self) -> &[UserId] {
        &[]
    }

    /// What the event does to claims and address slots. A pure function of the event, so that
    /// both can be derived again from the stream.
    fn effects(&self, aggregate_id: Uuid) -> Vec<Effect>;

    /// What made the event necessary, where that is an earlier event of the same aggregate and not
    /// just whoever asked for it.
    fn occasion(&self) -> Option<Occasion> {
        None
    }
}

/// A set-wide uniqueness, kept beside the events in the transaction that appends them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Gives up whatever the aggregate holds of this kind. Worked out before any [`Effect::Take`]
    /// of the same event.
    Release(ClaimKind),
    /// Takes a key that no other aggregate may hold.
    Take(Claim),
    /// Takes networks that may not overlap those of another gateway.
    TakePool(Pool),
    /// Turns the reserved slot of the gateway's pool into one held by this device.
    HoldSlot {
        /// Whose pool.
        gateway: GatewayId,
        /// Which slot.
        slot: Slot,
    },
    /// Lets the device's slot rest and then be free again.
    FreeSlot,
}

/// One claim.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    /// What is claimed.
    pub kind: ClaimKind,
    /// The normalised value; `None` where it was personal and has been erased.
    pub key: Option<String>,
}

/// Without the key, which may be personal.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claim({})", self.kind.as_str())
    }
}

impl Claim {
    /// A claim on a normalised value.
    pub fn new(kind: ClaimKind, key: impl Into<String>) -> Self {
        Self { kind, key: Some(key.into()) }
    }

    /// A claim on text that is compared without regard to case.
    #[must_use]
    pub fn folded(kind: ClaimKind, text: Option<&str>) -> Self {
        Self { kind, key: text.map(str::to_lowercase) }
    }

    /// A WireGuard public key: no two devices or gateways share one, ever.
    #[must_use]
    pub fn public_key(key: &PublicKey) -> Self {
        Self::new(ClaimKind::PublicKey, key.to_string())
    }
}

/// The kinds of claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// Membership in the set of enabled local admins, which may not become empty. The key is the
    /// user's id.
    Admin,
    /// A device's name among those of its owner.
    DeviceName,
    /// A gateway's name.
    GatewayName,
    /// A group's name.
    GroupName,
    /// A gateway's address pool (see [`Effect::TakePool`]).
    Pool,
    /// A WireGuard public key; never released.
    PublicKey,
    /// A login name.
    Username,
}

impl ClaimKind {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::DeviceName => "device_name",
            Self::GatewayName => "gateway_name",
            Self::GroupName => "group_name",
            Self::Pool => "pool",
            Self::PublicKey => "public_key",
            Self::Username => "username",
        }
    }

    /// Whether the key is personal data, and so stored as an HMAC.
    #[must_use]
    pub const fn is_personal(self) -> bool {
        matches!(self, Self::DeviceName | Self::Username)
    }

    /// The request's field that a conflict is about.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Admin => "role",
            Self::DeviceName | Self::GatewayName | Self::GroupName => "name",
            Self::Pool => "address_pool_v4",
            Self::PublicKey => "public_key",
            Self::Username => "username",
        }
    }

    /// The code of the conflict's error.
    #[must_use]
    pub const fn conflict_code(self) -> &'static str {
        match self {
            Self::Admin => "last_admin",
            Self::DeviceName => "device_name_taken",
            Self::GatewayName => "gateway_name_taken",
            Self::GroupName => "group_name_taken",
            Self::Pool => "pool_overlap",
            Self::PublicKey => "public_key_taken",
            Self::Username => "username_taken",
        }
    }

    /// The conflict in words.
    #[must_use]
    pub const fn conflict_message(self) -> &'static str {
        match self {
            Self::Admin => "this is the last enabled admin: make another one first",
            Self::DeviceName => "the user already has a device with this name: choose another one",
            Self::GatewayName => "another gateway has this name: choose another one",
            Self::GroupName => "another group has this name: choose another one",
            Self::Pool => "the pool overlaps that of another gateway: choose another network",
            Self::PublicKey => {
                "this public key is or was in use: make a new key pair (keys are never used twice)"
            }
            Self::Username => "another user has this username: choose another one",
        }
    }
}

/// An event of any aggregate, as the read side folds it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Of a user.
    User(UserId, UserEvent),
    /// Of a group.
    Group(GroupId, GroupEvent),
    /// Of a device.
    Device(DeviceId, DeviceEvent),
    /// Of a policy.
    Policy(PolicyId, PolicyEvent),
    /// Of a gateway.
    Gateway(GatewayId, GatewayEvent),
    /// Of a session.
    Session(SessionId, SessionEvent),
    /// About security.
    Security(Uuid, SecurityEvent),
    /// Of a webhook.
    Webhook(WebhookId, WebhookEvent),
}

/// An event that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read a stored {aggregate_type} event of {aggregate_id}: {reason}")]
pub struct UnknownEvent {
    /// The stored aggregate type.
    pub aggregate_type: String,
    /// The stored aggregate id.
    pub aggregate_id: String,
    /// Why; without the payload, which may be personal.
    pub reason: String,
}

impl Event {
    /// Reads a stored event whose personal fields have been opened.
    ///
    /// # Errors
    /// Where type, id or shape are unknown.
    pub fn from_stored(
        aggregate_type: &str,
        aggregate_id: &str,
        payload: Value,
    ) -> Result<Self, UnknownEvent> {
        fn read<E: serde::de::DeserializeOwned>(payload: Value) -> Result<E, String> {
            // serde repeats the offending value in some messages; the kind of error is enough here.
            serde_json::from_value(payload).map_err(|e| format!("{:?} error", e.classify()))
        }
        let unknown = |reason: String| UnknownEvent {
            aggregate_type: aggregate_type.to_owned(),
            aggregate_id: aggregate_id.to_owned(),
            reason,
        };
        let id: Uuid = aggregate_id.parse().map_err(|_| unknown("its id is no UUID".into()))?;
        match aggregate_type {
            UserEvent::AGGREGATE_TYPE => read(payload).map(|e| Self::User(id.into(), e)),
            GroupEvent::AGGREGATE_TYPE => read(payload).map(|e| Self::Group(id.into(), e)),
            DeviceEvent::AGGREGATE_TYPE => read(payload).map(|e| Self::Device(id.into(), e)),
            PolicyEvent::AGGREGATE_TYPE => read(payload).map(|e| Self::Policy(id.into(), e)),
            GatewayEvent::AGGREGATE_TYPE => read(payload).map(|e| Self::Gateway(id.into(), e)),
            SessionEvent::AGGREGATE_TYPE => read(payload).map(|e| Self::Session(id.into(), e)),
            SecurityEvent::AGGREGATE_TYPE => read(payload).map(|e| Self::Security(id, e)),
            WebhookEvent::AGGREGATE_TYPE => read(payload).map(|e| Self::Webhook(id.into(), e)),
            _ => Err("its aggregate type is unknown".into()),
        }
        .map_err(unknown)
    }

    /// The wire name of the event.
    #[must_use]
    pub fn event_type(&self) -> String {
        use cqrs_es::DomainEvent as _;
        match self {
            Self::User(_, e) => e.event_type(),
            Self::Group(_, e) => e.event_type(),
            Self::Device(_, e) => e.event_type(),
            Self::Policy(_, e) => e.event_type(),
            Self::Gateway(_, e) => e.event_type(),
            Self::Session(_, e) => e.event_type(),
            Self::Security(_, e) => e.event_type(),
            Self::Webhook(_, e) => e.event_type(),
        }
    }
}

/// What an event does to claims and slots, whatever its aggregate: for deriving both again.
#[must_use]
pub fn effects(event: &Event) -> Vec<Effect> {
    match event {
        Event::User(id, e) => e.effects(id.0),
        Event::Group(id, e) => e.effects(id.0),
        Event::Device(id, e) => e.effects(id.0),
        Event::Policy(id, e) => e.effects(id.0),
        Event::Gateway(id, e) => e.effects(id.0),
        Event::Session(id, e) => e.effects(id.0),
        Event::Security(id, e) => e.effects(*id),
        Event::Webhook(id, e) => e.effects(id.0),
    }
}

/// The top-level payload fields of a stored event that hold personal data, by stored names: what
/// a reader opens.
#[must_use]
pub fn personal_fields(event_type: &str) -> &'static [&'static str] {
    crate::user::personal_fields(event_type)
        .or_else(|| crate::device::personal_fields(event_type))
        .unwrap_or(&[])
}
