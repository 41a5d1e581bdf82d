//! What policies are made of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, GroupId, UserId};

/// Whether a policy lets packets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PolicyEffect {
    /// Passes.
    Allow,
    /// Drops.
    Deny,
}

/// Whom a policy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Target {
    /// All devices of a user.
    User(UserId),
    /// All devices of a group's members.
    Group(GroupId),
    /// One device.
    Device(DeviceId),
    /// Every device.
    Everyone,
}

/// An IP protocol by name or number (IANA protocol numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "ProtocolText", into = "String")]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// ICMP for IPv6.
    pub const ICMPV6: Self = Self(58);
    /// SCTP.
    pub const SCTP: Self = Self(132);

    /// Whether its packets carry a port in the first four bytes of their header, where nftables'
    /// `th dport` reads it: TCP, UDP, DCCP, SCTP and UDP-Lite.
    #[must_use]
    pub const fn has_ports(self) -> bool {
        matches!(self.0, 6 | 17 | 33 | 132 | 136)
    }

    /// Parses a name (`tcp`) or a number (`6`).
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(s: &str) -> Result<Self, String> {
        Ok(match s.to_ascii_lowercase().as_str() {
            "icmp" => Self::ICMP,
            "tcp" => Self::TCP,
            "udp" => Self::UDP,
            "icmpv6" | "ipv6-icmp" => Self::ICMPV6,
            "sctp" => Self::SCTP,
            n => Self(number(n).ok_or_else(|| {
                "must be tcp, udp, icmp, icmpv6, sctp or a protocol number 0-255".to_owned()
            })?),
        })
    }
}

/// A number in digits only: `str::parse` would take a leading `+` too.
pub(super) fn number<T: std::str::FromStr>(s: &str) -> Option<T> {
    s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok()).flatten()
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ICMP => f.write_str("icmp"),
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::ICMPV6 => f.write_str("icmpv6"),
            Self::SCTP => f.write_str("sctp"),
            Self(n) => n.fmt(f),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ProtocolText {
    Name(String),
    Number(u8),
}

impl TryFrom<ProtocolText> for Protocol {
    type Error = String;
    fn try_from(t: ProtocolText) -> Result<Self, String> {
        match t {
            ProtocolText::Name(s) => Self::parse(&s),
            ProtocolText::Number(n) => Ok(Self(n)),
        }
    }
}

impl From<Protocol> for String {
    fn from(p: Protocol) -> Self {
        p.to_string()
    }
}

/// An inclusive range of ports, written `443` or `8000-8100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ports {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl Ports {
    /// Parses `443` or `8000-8100`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(s: &str) -> Result<Self, String> {
        let bad = || format!("{s:?} is not a port or a range such as 8000-8100");
        let (a, b) = s.split_once('-').unwrap_or((s, s));
        let first = number(a.trim()).ok_or_else(bad)?;
        let last = number(b.trim()).ok_or_else(bad)?;
        if first > last {
            return Err(format!("{s:?} ends before it begins"));
        }
        Ok(Self { first, last })
    }

    /// Whether the port lies within.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            self.first.fmt(f)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl TryFrom<String> for Ports {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        Self::parse(&s)
    }
}

impl From<Ports> for String {
    fn from(p: Ports) -> Self {
        p.to_string()
    }
}

/// A protocol and, where it has ports, which ones. No ports means all of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Service {
    /// The protocol.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub protocol: Protocol,
    /// The ports; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub ports: Vec<Ports>,
}

impl Service {
    /// Checks that ports are given only where the protocol has them.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn validate(&self) -> Result<(), String> {
        if self.ports.is_empty() || self.protocol.has_ports() {
            Ok(())
        } else {
            Err(format!("{} has no ports: leave ports out", self.protocol))
        }
    }

    /// Whether a packet with this protocol and destination port belongs to the service.
    #[must_use]
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.protocol == protocol
            && (self.ports.is_empty() || self.ports.iter().any(|p| p.contains(port)))
    }
}
