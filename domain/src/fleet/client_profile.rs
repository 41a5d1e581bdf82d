//! What a device's WireGuard profile says.

use std::{fmt::Write as _, net::IpAddr};

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use sha2::{Digest, Sha256};

use super::{Compiled, DeviceState, GatewayState};
use crate::values::{Addresses, Endpoint, PublicKey};

/// The key that a gateway will have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextGatewayKey {
    /// The key.
    pub public_key: PublicKey,
    /// When it comes into force.
    pub switch_at: DateTime<Utc>,
}

/// What a device's WireGuard profile says, without its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientProfile {
    /// The device's tunnel addresses.
    pub addresses: Addresses,
    /// Whether it has a preshared key besides.
    pub preshared: bool,
    /// The resolvers.
    pub dns_servers: Vec<IpAddr>,
    /// The search domains.
    pub dns_search: Vec<String>,
    /// In bytes.
    pub mtu: u16,
    /// The gateway's key.
    pub gateway_key: PublicKey,
    /// The gateway's next key, where a planned rotation leads to one.
    pub next_key: Option<NextGatewayKey>,
    /// Where the gateway is reached.
    pub endpoint: Endpoint,
    /// What is routed into the tunnel.
    pub routes: Vec<IpNetwork>,
    /// Seconds; 0 means none.
    pub persistent_keepalive: u16,
}

impl ClientProfile {
    pub(super) fn new(device: &DeviceState, gateway: &GatewayState) -> Option<Self> {
        if device.revoked {
            return None;
        }
        let access = device.compiled.as_ref()?;
        Self::of(device.addresses, device.psk_ref.is_some(), access, gateway)
    }

    pub(super) fn of(
        addresses: Addresses,
        preshared: bool,
        access: &Compiled,
        gateway: &GatewayState,
    ) -> Option<Self> {
        let fields = &gateway.fields;
        Some(Self {
            addresses,
            preshared,
            dns_servers: fields.dns_servers.clone(),
            dns_search: fields.dns_search.clone(),
            mtu: fields.mtu,
            gateway_key: gateway.keys.in_force()?.clone(),
            next_key: gateway.keys.rotation().and_then(|rotation| {
                let (public_key, switch_at) = (rotation.next_key.clone()?, rotation.switch_at);
                Some(NextGatewayKey { public_key, switch_at })
            }),
            endpoint: fields.endpoint.clone(),
            routes: access.routes().to_vec(),
            persistent_keepalive: fields.persistent_keepalive,
        })
    }

    /// The profile as `wg-quick` reads it, which cannot say when a key changes: it has the one in
    /// force. Without a private or preshared key a comment says where
    /// it goes, and `wg setconf` (after `wg-quick strip`) still accepts the file.
    #[must_use]
    pub fn render(&self, private_key: Option<&str>, preshared_key: Option<&str>) -> String {
        let mut text = String::from("[Interface]\n");
        // Writing to a String cannot fail.
        let mut line = |key: &str, value: &str| {
            let _ = writeln!(text, "{key} = {value}");
        };
        match private_key {
            Some(key) => line("PrivateKey", key),
            None => line("# PrivateKey", "add the private key of this device here"),
        }
        let addresses = self.addresses.iter().map(|ip| IpNetwork::from(ip).to_string());
        line("Address", &join(addresses));
        let dns = self.dns_servers.iter().map(ToString::to_string);
        let dns = join(dns.chain(self.dns_search.iter().cloned()));
        if !dns.is_empty() {
            line("DNS", &dns);
        }
        line("MTU", &self.mtu.to_string());
        text.push_str("\n[Peer]\n");
        let mut line = |key: &str, value: &str| {
            let _ = writeln!(text, "{key} = {value}");
        };
        line("PublicKey", &self.gateway_key.to_string());
        match preshared_key {
            Some(key) => line("PresharedKey", key),
            None if self.preshared => {
                line("# PresharedKey", "add the preshared key of this device here");
            }
            None => {}
        }
        line("Endpoint", &self.endpoint.to_string());
        line("AllowedIPs", &join(self.routes.iter().map(ToString::to_string)));
        if self.persistent_keepalive > 0 {
            line("PersistentKeepalive", &self.persistent_keepalive.to_string());
        }
        text
    }

    /// The beginning of a SHA-256 over all that it says: tells one profile of a device from the
    /// next. Rendering it would take ten times as long, and an edit may concern every device.
    pub(super) fn digest(&self) -> u128 {
        // All of them, so that a further one cannot be forgotten here.
        let Self {
            addresses,
            preshared,
            dns_servers,
            dns_search,
            mtu,
            gateway_key,
            next_key,
            endpoint,
            routes,
            persistent_keepalive,
        } = self;
        let mut said = Said::default();
        said.addresses(addresses.iter().collect::<Vec<_>>().into_iter());
        said.bytes(&[u8::from(*preshared)]);
        said.addresses(dns_servers.iter().copied());
        said.number(dns_search.len());
        for domain in dns_search {
            said.bytes(domain.as_bytes());
        }
        said.bytes(&mtu.to_be_bytes());
        said.bytes(gateway_key.to_string().as_bytes());
        said.bytes(&[u8::from(next_key.is_some())]);
        if let Some(NextGatewayKey { public_key, switch_at }) = next_key {
            said.bytes(public_key.as_bytes());
            said.bytes(&switch_at.timestamp_micros().to_be_bytes());
        }
        said.bytes(endpoint.to_string().as_bytes());
        said.addresses(routes.iter().map(IpNetwork::ip));
        said.bytes(&routes.iter().map(IpNetwork::prefix).collect::<Vec<_>>());
        said.bytes(&persistent_keepalive.to_be_bytes());
        let hash: [u8; 32] = Sha256::digest(said.0).into();
        let begin = hash.first_chunk().copied().unwrap_or_default();
        u128::from_be_bytes(begin)
    }
}

/// What is hashed. Each part begins with its length, so that no two lists of parts are the same
/// bytes.
#[derive(Default)]
struct Said(Vec<u8>);

impl Said {
    fn number(&mut self, number: usize) {
        self.0.extend((number as u64).to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend(bytes);
    }

    fn addresses(&mut self, addresses: impl ExactSizeIterator<Item = IpAddr>) {
        self.number(addresses.len());
        for address in addresses {
            // The family tells the length.
            match address {
                IpAddr::V4(ip) => {
                    self.0.push(4);
                    self.0.extend(ip.octets());
                }
                IpAddr::V6(ip) => {
                    self.0.push(6);
                    self.0.extend(ip.octets());
                }
            }
        }
    }
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn whatever_a_profile_says_its_digest_tells() {
        let profile = ClientProfile {
            addresses: Addresses { v4: Ipv4Addr::new(10, 0, 0, 2), v6: None },
            preshared: false,
            dns_servers: vec!["10.0.0.1".parse().unwrap()],
            dns_search: vec!["a".into(), "b".into()],
            mtu: 1420,
            gateway_key: PublicKey::from_bytes([9; 32]).unwrap(),
            next_key: None,
            endpoint: Endpoint::parse("vpn.example.org:51820").unwrap(),
            routes: vec!["10.1.0.0/16".parse().unwrap(), "10.2.0.0/16".parse().unwrap()],
            persistent_keepalive: 25,
        };
        let other: [fn(&mut ClientProfile); 13] = [
            |p| p.addresses.v4 = Ipv4Addr::new(10, 0, 0, 3),
            |p| p.addresses.v6 = Some("fd00::2".parse().unwrap()),
            |p| p.preshared = true,
            |p| p.dns_servers = vec![],
            |p| p.dns_servers.push("fd00::1".parse().unwrap()),
            |p| p.dns_search = vec!["ab".into()],
            |p| p.mtu = 1280,
            |p| p.gateway_key = PublicKey::from_bytes([8; 32]).unwrap(),
            |p| p.endpoint = Endpoint::parse("vpn.example.org:51821").unwrap(),
            |p| p.routes.swap(0, 1),
            |p| p.routes.truncate(1),
            |p| p.routes[1] = "10.2.0.0/17".parse().unwrap(),
            |p| p.persistent_keepalive = 0,
        ];
        let mut digests = std::collections::BTreeSet::from([profile.digest()]);
        let mut texts = std::collections::BTreeSet::from([profile.render(None, None)]);
        for change in other {
            let mut changed = profile.clone();
            change(&mut changed);
            assert!(digests.insert(changed.digest()), "{changed:?}");
            assert!(texts.insert(changed.render(None, None)), "{changed:?}");
        }
        // What only clients that know of it are told.
        for (key, second) in [(7, 1), (7, 2), (6, 1)] {
            let public_key = PublicKey::from_bytes([key; 32]).unwrap();
            let switch_at = DateTime::from_timestamp(second, 0).unwrap();
            let next_key = Some(NextGatewayKey { public_key, switch_at });
            let changed = ClientProfile { next_key, ..profile.clone() };
            assert!(digests.insert(changed.digest()), "{changed:?}");
            assert_eq!(changed.render(None, None), profile.render(None, None));
        }
    }
}
