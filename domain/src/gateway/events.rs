//! What can happen to a gateway.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aggregate::wire_names,
    event::{Claim, ClaimKind, Effect, StoredEvent},
    ids::{GatewayId, UserId},
    occasion::{Kind, Occasion},
    values::{Endpoint, Pool, PublicKey},
};

/// Everything an admin sets on a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayFields {
    /// Unique without regard to case.
    pub name: String,
    /// Where devices reach it.
    pub endpoint: Endpoint,
    /// The port its WireGuard listens on.
    pub listen_port: u16,
    /// The tunnel addresses of its devices; never changes.
    pub pool: Pool,
    /// The resolvers its devices use.
    pub dns_servers: Vec<IpAddr>,
    /// The domains its devices search.
    pub dns_search: Vec<String>,
    /// The tunnel's MTU in bytes.
    pub mtu: u16,
    /// Seconds between keepalives of its devices; 0 means none.
    pub persistent_keepalive: u16,
    /// The node's interfaces on which the tunnel's addresses are masqueraded.
    pub masquerade_interfaces: Vec<String>,
    /// Networks that a full tunnel never opens, besides those that are not public anyway.
    #[serde(default)]
    pub internal_networks: Vec<IpNetwork>,
    /// Whether its devices get a preshared key besides, with their next key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub preshared_keys: bool,
    /// After how many seconds without the control plane it lets nothing pass any more; 0 means
    /// that it goes on with what it has.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_stale_s: u32,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The fields that have changed. The pool cannot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of GatewayFields")]
pub struct GatewayChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen_port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_servers: Option<Vec<IpAddr>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_search: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_keepalive: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masquerade_interfaces: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_networks: Option<Vec<IpNetwork>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preshared_keys: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_stale_s: Option<u32>,
}

/// An event of a gateway. Join tokens and credentials are never in one, only their hashes are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum GatewayEvent {
    /// The gateway exists from now on.
    #[serde(rename = "gateway.created")]
    Created {
        /// All of it.
        #[serde(flatten)]
        fields: GatewayFields,
    },
    /// What is given has changed.
    #[serde(rename = "gateway.changed")]
    Changed {
        /// What.
        #[serde(flatten)]
        change: GatewayChange,
    },
    /// Another WireGuard key, and so new profiles for all its devices.
    #[serde(rename = "gateway.key_set")]
    KeySet {
        /// The key.
        public_key: PublicKey,
    },
    /// Another key is wanted, and every device is to know it before it comes into force. Once more:
    /// it comes into force at another time.
    #[serde(rename = "gateway.key_rotation_requested")]
    KeyRotationRequested {
        /// When it comes into force.
        switch_at: DateTime<Utc>,
    },
    /// The node has made the next key. Another one than before: it has lost that.
    #[serde(rename = "gateway.next_key_announced")]
    NextKeyAnnounced {
        /// The key.
        public_key: PublicKey,
    },
    /// The next key is in force, and so all its devices have new profiles.
    #[serde(rename = "gateway.key_switched")]
    KeySwitched {
        /// The key.
        public_key: PublicKey,
    },
    /// The key in force stays.
    #[serde(rename = "gateway.key_rotation_called_off")]
    KeyRotationCalledOff {},
    /// A token was made with which a node can become this gateway.
    #[serde(rename = "gateway.join_token_issued")]
    JoinTokenIssued {
        /// Until when it works.
        expires_at: DateTime<Utc>,
    },
    /// A node became this gateway; earlier credentials are void.
    #[serde(rename = "gateway.joined")]
    Joined {
        /// The version of its agent.
        agent_version: String,
    },
    /// It gets no new devices from now on, and those that it has are moved elsewhere.
    #[serde(rename = "gateway.drain_started")]
    DrainStarted {
        /// Where they go; each to the gateway with the fewest devices where none is named.
        #[serde(default)]
        target: Option<GatewayId>,
    },
    /// It may have devices again.
    #[serde(rename = "gateway.drain_ended")]
    DrainEnded {},
    /// Gone.
    #[serde(rename = "gateway.deleted")]
    Deleted {},
}

wire_names!(GatewayEvent {
    Created => "gateway.created",
    Changed => "gateway.changed",
    KeySet => "gateway.key_set",
    KeyRotationRequested => "gateway.key_rotation_requested",
    NextKeyAnnounced => "gateway.next_key_announced",
    KeySwitched => "gateway.key_switched",
    KeyRotationCalledOff => "gateway.key_rotation_called_off",
    JoinTokenIssued => "gateway.join_token_issued",
    Joined => "gateway.joined",
    DrainStarted => "gateway.drain_started",
    DrainEnded => "gateway.drain_ended",
    Deleted => "gateway.deleted",
});

impl StoredEvent for GatewayEvent {
    const AGGREGATE_TYPE: &'static str = "gateway";

    fn personal_fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn subject(&self, _: Uuid) -> Option<UserId> {
        None
    }

    fn effects(&self, _: Uuid) -> Vec<Effect> {
        let name = |n: &str| Effect::Take(Claim::folded(ClaimKind::GatewayName, Some(n)));
        match self {
            Self::Created { fields } => vec![name(&fields.name), Effect::TakePool(fields.pool)],
            Self::Changed { change: GatewayChange { name: Some(n), .. } } => {
                vec![Effect::Release(ClaimKind::GatewayName), name(n)]
            }
            Self::KeySet { public_key } | Self::NextKeyAnnounced { public_key } => {
                vec![Effect::Take(Claim::public_key(public_key))]
            }
            Self::Deleted {} => {
                vec![Effect::Release(ClaimKind::GatewayName), Effect::Release(ClaimKind::Pool)]
            }
            Self::Changed { .. }
            | Self::KeyRotationRequested { .. }
            | Self::KeySwitched { .. }
            | Self::KeyRotationCalledOff {}
            | Self::JoinTokenIssued { .. }
            | Self::Joined { .. }
            | Self::DrainStarted { .. }
            | Self::DrainEnded {} => vec![],
        }
    }

    fn occasion(&self) -> Option<Occasion> {
        const ROTATION: &[Kind] = &[Kind::all("gateway.key_rotation_requested")];
        const TOKEN: &[Kind] = &[Kind::all("gateway.join_token_issued")];
        match self {
            Self::NextKeyAnnounced { .. }
            | Self::KeySwitched { .. }
            | Self::KeyRotationCalledOff { .. } => Some(Occasion::latest(ROTATION)),
            Self::Joined { .. } => Some(Occasion::latest(TOKEN)),
            _ => None,
        }
    }
}
