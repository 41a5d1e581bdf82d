//! The payload's types. Field names are the wire format: an unknown field is
//! refused, because a node that ignored one could open more than was meant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::BundleError;
use crate::written::{name_of, profile_bytes};

/// The payload format that this crate writes and reads.
pub const FORMAT: u32 = 1;

/// Everything one gateway needs to serve its devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Payload {
    /// [`FORMAT`].
    pub format: u32,
    /// The gateway's id, a lower-case UUID.
    pub gateway_id: String,
    /// Unix time of the last accepted restore or lossy failover.
    pub epoch: i64,
    /// `idx` of the newest event that changed this gateway's bundle.
    pub revision: i64,
    /// Effective time of that event, RFC 3339 in UTC.
    pub issued_at: String,
    /// After so many seconds without the control plane the node denies everything.
    pub max_stale_s: Option<u64>,
    /// The WireGuard interface.
    pub interface: Interface,
    /// What devices may reach on the gateway itself.
    pub input: Input,
    /// The peers.
    pub devices: Vec<Device>,
    /// Effective access, by [`Profile::name`].
    pub profiles: BTreeMap<String, Profile>,
    /// Source address translation.
    pub nat: Nat,
}

/// A payload without devices and profiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BundleFrame))]
pub struct Frame {
    /// [`FORMAT`].
    pub format: u32,
    /// The gateway's id, a lower-case UUID.
    pub gateway_id: String,
    /// Unix time of the last accepted restore or lossy failover.
    pub epoch: i64,
    /// `idx` of the newest event that changed this gateway's bundle.
    pub revision: i64,
    /// Effective time of that event, RFC 3339 in UTC.
    pub issued_at: String,
    /// After so many seconds without the control plane the node denies everything.
    pub max_stale_s: Option<u64>,
    /// The WireGuard interface.
    pub interface: Interface,
    /// What devices may reach on the gateway itself.
    pub input: Input,
    /// Source address translation.
    pub nat: Nat,
}

impl Payload {
    /// The payload in its parts.
    #[must_use]
    pub fn into_parts(self) -> (Frame, Vec<Device>, BTreeMap<String, Profile>) {
        let Self { format, gateway_id, epoch, revision, issued_at, max_stale_s, .. } = self;
        let Self { interface, input, nat, devices, profiles, .. } = self;
        let frame = Frame {
            format,
            gateway_id,
            epoch,
            revision,
            issued_at,
            max_stale_s,
            interface,
            input,
            nat,
        };
        (frame, devices, profiles)
    }

    /// The payload of its parts.
    #[must_use]
    pub fn from_parts(
        frame: Frame,
        devices: Vec<Device>,
        profiles: BTreeMap<String, Profile>,
    ) -> Self {
        let Frame { format, gateway_id, epoch, revision, issued_at, max_stale_s, .. } = frame;
        let Frame { interface, input, nat, .. } = frame;
        Self {
            format,
            gateway_id,
            epoch,
            revision,
            issued_at,
            max_stale_s,
            interface,
            input,
            devices,
            profiles,
            nat,
        }
    }
}

/// The WireGuard interface of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Interface {
    /// Suggested interface name, `[a-z0-9_.-]{1,15}`.
    pub name: String,
    /// UDP port that WireGuard listens on.
    pub listen_port: u16,
    /// MTU of the interface.
    pub mtu: u16,
    /// Addresses with the prefix length of their pool, such as `100.96.0.1/16`.
    pub addresses: Vec<String>,
    /// The public half, in base64, of the node's key that is in force. Absent where the node has
    /// one key only: no other was ever asked of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// The number of the planned rotation, from 1, for which the node makes its next key and
    /// announces it with its reports. Absent while none is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_rotation: Option<u32>,
}

/// What the input hook opens besides replies to the gateway's own connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Input {
    /// A resolver listens on the gateway's tunnel address. Packets to its port
    /// 53 are then decided by the device's profile, like forwarded ones, so
    /// that a deny policy overrides the built-in rule here too.
    pub dns: bool,
    /// ICMP echo requests from devices are answered, within a rate limit.
    pub icmp_echo: bool,
}

/// One peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BundleDevice))]
pub struct Device {
    /// The device's id.
    pub id: String,
    /// WireGuard public key, 32 bytes in base64.
    pub public_key: String,
    /// Host prefixes: `100.96.0.10/32`, `fd00::a/128`.
    pub ips: Vec<String>,
    /// Name of the profile that holds this device's access.
    pub profile: String,
    /// From this time on the node drops the peer, RFC 3339 in UTC.
    pub not_after: Option<String>,
    /// SHA-256 of the preshared key in hexadecimal.
    pub psk_ref: Option<String>,
}

/// A device's effective access: disjoint boxes, all of them accepting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Profile {
    /// IPv4 ranges `a-b` open to every protocol.
    pub v4: Vec<String>,
    /// IPv6 ranges `a-b` open to every protocol.
    pub v6: Vec<String>,
    /// IPv4 ranges open to some protocols and ports.
    pub v4_ports: Vec<PortBox>,
    /// IPv6 ranges open to some protocols and ports.
    pub v6_ports: Vec<PortBox>,
}

/// Addresses × protocols × destination ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PortBox {
    /// Addresses, `a-b` also when a = b.
    pub dst: String,
    /// A protocol number, `6`, or a range of them, `0-5`.
    pub proto: String,
    /// Ports, `a-b` also when a = b; `0-65535` for protocols without ports.
    pub ports: String,
}

/// Source address translation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Nat {
    /// Rules for IPv4.
    pub v4_masquerade: Vec<Masquerade>,
    /// Rules for IPv6.
    pub v6_masquerade: Vec<Masquerade>,
}

/// One masquerade rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Masquerade {
    /// Source addresses in CIDR notation.
    pub src: String,
    /// Name of the interface that packets leave by.
    pub oif: String,
}

impl Profile {
    /// `p_` and the first 16 hexadecimal digits of the SHA-256 of the profile's
    /// canonical JSON: equal access has one name wherever it came from.
    ///
    /// # Errors
    /// [`BundleError::Malformed`] if the profile cannot be written as JSON.
    pub fn name(&self) -> Result<String, BundleError> {
        Ok(name_of(&profile_bytes(self)?))
    }
}
