//! The addresses of a gateway's tunnel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use serde::{Deserialize, Serialize};

/// The number of an address in a pool: IPv4 is base + n, IPv6 is base6 + n.
pub type Slot = u32;

/// The tunnel addresses of one device or gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Addresses {
    /// IPv4, always there.
    pub v4: Ipv4Addr,
    /// IPv6, where the pool has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v6: Option<Ipv6Addr>,
}

impl Addresses {
    /// Both addresses.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + use<> {
        [Some(IpAddr::V4(self.v4)), self.v6.map(IpAddr::V6)].into_iter().flatten()
    }
}

/// A gateway's address pool: an IPv4 network and, if wished, an IPv6 one, numbered together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The IPv4 network, `/8` to `/30`.
    pub v4: Ipv4Network,
    /// The IPv6 network, `/64` to `/120`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v6: Option<Ipv6Network>,
}

impl Pool {
    /// The gateway's own slot: the first address after the network's.
    pub const GATEWAY_SLOT: Slot = 1;

    /// Checks both networks.
    ///
    /// # Errors
    /// The field suffix (`v4` or `v6`) and what is wrong.
    pub fn new(v4: IpNetwork, v6: Option<IpNetwork>) -> Result<Self, (&'static str, String)> {
        let IpNetwork::V4(v4) = v4 else {
            return Err(("v4", "must be an IPv4 network".into()));
        };
        if !(8..=30).contains(&v4.prefix()) {
            return Err(("v4", "must have a prefix between /8 and /30".into()));
        }
        if v4.ip().is_loopback() || v4.ip().is_multicast() || v4.ip().is_unspecified() {
            return Err(("v4", "must not be a loopback, multicast or unspecified network".into()));
        }
        let v6 = match v6 {
            None => None,
            Some(IpNetwork::V4(_)) => return Err(("v6", "must be an IPv6 network".into())),
            Some(IpNetwork::V6(v6)) => {
                if !(64..=120).contains(&v6.prefix()) {
                    return Err(("v6", "must have a prefix between /64 and /120".into()));
                }
                if v6.ip().is_loopback() || v6.ip().is_multicast() || v6.ip().is_unspecified() {
                    let why = "must not be a loopback, multicast or unspecified network";
                    return Err(("v6", why.into()));
                }
                Some(v6)
            }
        };
        Ok(Self { v4, v6 })
    }

    /// One more than the highest slot that a device may have: the last IPv4 address is the
    /// broadcast address, and a smaller IPv6 network bounds it too.
    #[must_use]
    pub fn end(&self) -> Slot {
        let v4 = (1u64 << (32 - self.v4.prefix())) - 1;
        let v6 = self.v6.map_or(u64::MAX, |n| {
            let bits = 128 - u32::from(n.prefix());
            if bits >= 64 { u64::MAX } else { 1u64 << bits }
        });
        Slot::try_from(v4.min(v6)).unwrap_or(Slot::MAX)
    }

    /// The first slot a device may have: 0 is the network, 1 the gateway.
    #[must_use]
    pub const fn first(&self) -> Slot {
        Self::GATEWAY_SLOT + 1
    }

    /// The addresses of a slot; `None` outside the pool.
    #[must_use]
    pub fn addresses(&self, slot: Slot) -> Option<Addresses> {
        if slot == 0 || slot >= self.end() {
            return None;
        }
        let v4 = Ipv4Addr::from(u32::from(self.v4.network()) + slot);
        let v6 = self.v6.map(|n| Ipv6Addr::from(u128::from(n.network()) + u128::from(slot)));
        Some(Addresses { v4, v6 })
    }

    /// The gateway's own addresses.
    #[must_use]
    pub fn gateway_addresses(&self) -> Addresses {
        let v4 = Ipv4Addr::from(u32::from(self.v4.network()) + Self::GATEWAY_SLOT);
        let v6 = self
            .v6
            .map(|n| Ipv6Addr::from(u128::from(n.network()) + u128::from(Self::GATEWAY_SLOT)));
        Addresses { v4, v6 }
    }

    /// The slot of an address; `None` where it is not a device's address of this pool.
    #[must_use]
    pub fn slot_of(&self, ip: IpAddr) -> Option<Slot> {
        let slot = match ip {
            IpAddr::V4(ip) if self.v4.contains(ip) => u32::from(ip) - u32::from(self.v4.network()),
            IpAddr::V6(ip) => {
                let net = self.v6.filter(|n| n.contains(ip))?;
                Slot::try_from(u128::from(ip) - u128::from(net.network())).ok()?
            }
            IpAddr::V4(_) => return None,
        };
        (slot >= self.first() && slot < self.end()).then_some(slot)
    }

    /// Both networks.
    pub fn networks(&self) -> impl Iterator<Item = IpNetwork> + use<> {
        [Some(IpNetwork::V4(self.v4)), self.v6.map(IpNetwork::V6)].into_iter().flatten()
    }

    /// Whether a network of one shares an address with a network of the other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.v4.overlaps(other.v4)
            || self
                .v6
                .zip(other.v6)
                .is_some_and(|(a, b)| a.contains(b.network()) || b.contains(a.network()))
    }
}
