//! Requests and answers between the agent and the control plane.
//!
//! | | |
//! | --- | --- |
//! | `POST /api/v1/gateways/join` | [`JoinRequest`] → 201 [`JoinResponse`] |
//! | `GET /api/v1/admin/gateways/{id}/sync` | bearer credential, `If-None-Match` → 200 bundle or 304 |
//! | `GET /api/v1/admin/gateways/{id}/secrets` | bearer credential → 200 [`GatewaySecrets`](crate::GatewaySecrets) |
//! | `POST /api/v1/gateways/{id}/status` | bearer credential, [`StatusReport`] → 204 |

use std::fmt;

use serde::{Deserialize, Serialize};

/// A node asks to become a gateway.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JoinRequest {
    /// The join token as text.
    pub token: String,
    /// The node's WireGuard public key in base64.
    pub public_key: String,
    /// The agent's version.
    pub agent_version: String,
}

/// The node is a gateway now.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JoinResponse {
    /// The gateway's id.
    pub gateway_id: String,
    /// The gateway's name.
    pub name: String,
    /// The gateway's own credential, shown this once.
    pub credential: String,
    /// The bundle-signing public keys, 32 bytes in base64 each.
    pub signing_keys: Vec<String>,
}

/// What a node tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusReport {
    /// The agent's version.
    pub agent_version: String,
    /// The bundle in force; none before the first one.
    pub applied: Option<Applied>,
    /// The last bundle that was refused since then.
    pub rejected: Option<Rejected>,
    /// The peers of the tunnel.
    pub peers: Vec<PeerStatus>,
    /// The node's time, RFC 3339 in UTC.
    pub reported_at: String,
    /// How the node's host is, where the agent could read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostMetrics>,
    /// What the agent knows of beyond the first bundles, such as [`KEY_ROTATION`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// The key that the node has made for a planned rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_key: Option<NextKey>,
}

/// The feature of agents that can rotate their key: they know the fields
/// [`public_key`](crate::Interface::public_key) and
/// [`key_rotation`](crate::Interface::key_rotation).
pub const KEY_ROTATION: &str = "key_rotation";

/// A key that a node has made and keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = NextGatewayKey))]
pub struct NextKey {
    /// The number of the rotation that it was made for.
    pub rotation: u32,
    /// Its public half in base64.
    pub public_key: String,
}

/// How a node's host is. Counters count since the host started, those of an interface since the
/// interface was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostMetrics {
    /// Such as `Debian GNU/Linux`.
    pub os_name: String,
    /// Such as `12`.
    pub os_version: String,
    /// The kernel's release.
    pub kernel: String,
    /// Seconds since the host started.
    pub uptime_s: u64,
    /// How many CPUs it has.
    pub cpus: u64,
    /// What its CPUs have done.
    pub cpu: HostCpu,
    /// Memory in bytes.
    pub memory_total: u64,
    /// Memory in bytes that programs could still have.
    pub memory_available: u64,
    /// Bytes of the file system with the agent's state.
    pub disk_total: u64,
    /// Bytes of it that are free.
    pub disk_free: u64,
    /// The network interfaces, without the loopback.
    pub interfaces: Vec<HostInterface>,
}

/// What the CPUs of a host have done, in milliseconds of one CPU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostCpu {
    /// Programs.
    pub user_ms: u64,
    /// The kernel, interrupts too.
    pub system_ms: u64,
    /// Nothing, while a disk was waited for.
    pub iowait_ms: u64,
    /// Other guests of the same machine.
    pub steal_ms: u64,
    /// Nothing.
    pub idle_ms: u64,
}

/// What one network interface of a host has carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostInterface {
    /// Its name.
    pub name: String,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Packets received wrong.
    pub rx_errors: u64,
    /// Packets that could not be sent.
    pub tx_errors: u64,
}

/// The bundle in force on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Applied {
    /// Its epoch.
    pub epoch: i64,
    /// Its revision.
    pub revision: i64,
    /// SHA-256 of its payload in hexadecimal.
    pub sha256: String,
}

/// A bundle that a node refused, or could not apply. The position is absent
/// where nothing in the bundle could be believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rejected {
    /// Its epoch.
    pub epoch: Option<i64>,
    /// Its revision.
    pub revision: Option<i64>,
    /// SHA-256 of its payload in hexadecimal.
    pub sha256: Option<String>,
    /// A [`BundleError::reason_code`](crate::BundleError::reason_code), or `apply_failed`.
    pub reason_code: String,
    /// The reason, for people.
    pub reason: String,
}

/// One peer of the tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PeerStatus {
    /// The peer's public key in base64.
    pub public_key: String,
    /// Unix time of the latest handshake.
    pub latest_handshake: Option<i64>,
    /// Bytes received from the peer.
    pub rx_bytes: u64,
    /// Bytes sent to the peer.
    pub tx_bytes: u64,
}

impl fmt::Debug for JoinRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinRequest")
            .field("public_key", &self.public_key)
            .field("agent_version", &self.agent_version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for JoinResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinResponse")
            .field("gateway_id", &self.gateway_id)
            .field("name", &self.name)
            .field("signing_keys", &self.signing_keys)
            .finish_non_exhaustive()
    }
}
