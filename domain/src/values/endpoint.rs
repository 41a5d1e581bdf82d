//! Where a gateway is reached.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::policy::number;

/// `host:port`, `192.0.2.1:port` or `[2001:db8::1]:port`, as in a WireGuard profile's `Endpoint`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// Parses an endpoint.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(input: &str) -> Result<Self, String> {
        const SHAPE: &str = "must be host:port, for example vpn.example.com:51820";
        let (host, port) = input.trim().rsplit_once(':').ok_or(SHAPE)?;
        let port: u16 = number(port).ok_or(SHAPE)?;
        if port == 0 {
            return Err("must have a port between 1 and 65535".into());
        }
        let host = if let Some(v6) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            match v6.parse() {
                Ok(IpAddr::V6(ip)) => ip.to_string(),
                _ => return Err("has brackets around what is no IPv6 address".into()),
            }
        } else if host.contains(':') {
            return Err("must have an IPv6 address in brackets, [2001:db8::1]:51820".into());
        } else if let Ok(ip) = host.parse::<IpAddr>() {
            ip.to_string()
        } else {
            host_name(host)?
        };
        if host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified() || ip.is_multicast()) {
            return Err("must have an address that devices can reach".into());
        }
        Ok(Self { host, port })
    }

    /// The address, where the host is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// A host name by RFC 1123: labels of 1–63 letters, digits and inner hyphens, 253 in all, and not
/// all digits (that would be a mistyped address).
fn host_name(host: &str) -> Result<String, String> {
    let label_ok = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let digits = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if host.len() > 253 || digits || !host.split('.').all(label_ok) {
        return Err("must have a valid host name or address before the port".into());
    }
    Ok(host.to_ascii_lowercase())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        Self::parse(&s)
    }
}

impl From<Endpoint> for String {
    fn from(e: Endpoint) -> Self {
        e.to_string()
    }
}
