//! Evaluated access, shared between devices that have the same rules.

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::IpAddr,
    sync::{Arc, OnceLock, Weak},
};

use ipnetwork::IpNetwork;
use sha2::{Digest, Sha256};

use super::{DeviceState, GatewayState};
use crate::{
    access::{Access, FlatProfile, Resource},
    ids::{GatewayId, PolicyId},
    values::{Addresses, Endpoint, PublicKey},
};

/// What a set of rules comes to at a gateway.
#[derive(Debug)]
pub struct Compiled {
    access: Access,
    profile: FlatProfile,
    routes: Vec<IpNetwork>,
    reach: OnceLock<(Vec<IpNetwork>, Vec<Resource>)>,
}

/// Equal access is equal, whatever policies led to it.
impl PartialEq for Compiled {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.profile == other.profile
    }
}
impl Eq for Compiled {}

impl Compiled {
    fn new(access: Access) -> Self {
        let profile = access.profile();
        let routes = access.routes();
        Self { access, profile, routes, reach: OnceLock::new() }
    }

    /// The flattened firewall profile.
    #[must_use]
    pub const fn profile(&self) -> &FlatProfile {
        &self.profile
    }

    /// The AllowedIPs of the rendered profile.
    #[must_use]
    pub fn routes(&self) -> &[IpNetwork] {
        &self.routes
    }

    /// The effective destinations in the fewest networks.
    #[must_use]
    pub fn allowed_ips(&self) -> &[IpNetwork] {
        &self.reach().0
    }

    /// The effective destinations, each with the name of the policy that opens it.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.reach().1
    }

    /// The evaluator behind it.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Whether policies open anything: the built-in answers to DNS are not counted.
    #[must_use]
    pub fn opens_anything(&self) -> bool {
        !self.profile.is_empty() && self.access.opens_anything()
    }

    fn reach(&self) -> &(Vec<IpNetwork>, Vec<Resource>) {
        self.reach.get_or_init(|| (self.access.allowed_ips(), self.access.resources()))
    }
}

/// Access by gateway and rules, so that a thousand devices with the same rules cost one evaluation.
/// The devices hold it; what none of them has any more goes.
#[derive(Debug, Clone, Default)]
pub(super) struct CompiledCache(HashMap<GatewayId, OfGateway>);

#[derive(Debug, Clone, Default)]
struct OfGateway {
    by_rules: HashMap<Vec<PolicyId>, Weak<Compiled>>,
    /// How many entries there may be before those that nobody uses are looked for.
    room: usize,
}

impl OfGateway {
    /// Below this it is not worth looking.
    const LEAST_ROOM: usize = 64;

    /// Makes room when there is none. Half of it is free afterwards, so that the looking costs
    /// each new entry a fixed share.
    fn prune(&mut self) {
        if self.by_rules.len() < self.room.max(Self::LEAST_ROOM) {
            return;
        }
        self.by_rules.retain(|_, compiled| compiled.strong_count() > 0);
        self.room = 2 * self.by_rules.len();
    }
}

impl CompiledCache {
    pub(super) fn get(
        &mut self,
        gateway: GatewayId,
        rules: Vec<PolicyId>,
        access: impl FnOnce() -> Access,
    ) -> Arc<Compiled> {
        let of_gateway = self.0.entry(gateway).or_default();
        if let Some(compiled) = of_gateway.by_rules.get(&rules).and_then(Weak::upgrade) {
            return compiled;
        }
        of_gateway.prune();
        let compiled = Arc::new(Compiled::new(access()));
        of_gateway.by_rules.insert(rules, Arc::downgrade(&compiled));
        compiled
    }

    /// Notes what a device has.
    pub(super) fn keep(
        &mut self,
        gateway: GatewayId,
        rules: Vec<PolicyId>,
        compiled: &Arc<Compiled>,
    ) {
        let of_gateway = self.0.entry(gateway).or_default();
        of_gateway.by_rules.insert(rules, Arc::downgrade(compiled));
    }

    pub(super) fn forget_policy(&mut self, id: PolicyId) {
        for of_gateway in self.0.values_mut() {
            of_gateway.by_rules.retain(|rules, _| !rules.contains(&id));
        }
    }

    pub(super) fn forget_gateway(&mut self, id: GatewayId) {
        self.0.remove(&id);
    }
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
        let compiled = device.compiled.as_ref()?;
        let fields = &gateway.fields;
        Some(Self {
            addresses: device.addresses,
            preshared: device.psk_ref.is_some(),
            dns_servers: fields.dns_servers.clone(),
            dns_search: fields.dns_search.clone(),
            mtu: fields.mtu,
            gateway_key: gateway.public_key.clone()?,
            endpoint: fields.endpoint.clone(),
            routes: compiled.routes().to_vec(),
            persistent_keepalive: fields.persistent_keepalive,
        })
    }

    /// The profile as `wg-quick` reads it. Without a private or preshared key a comment says where
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

    /// The beginning of its SHA-256: tells one profile of a device from the next.
    pub(super) fn digest(&self) -> u128 {
        let hash: [u8; 32] = Sha256::digest(self.render(None, None)).into();
        let begin = hash.first_chunk().copied().unwrap_or_default();
        u128::from_be_bytes(begin)
    }
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::Surroundings;

    fn rules(n: usize) -> Vec<PolicyId> {
        vec![PolicyId(Uuid::from_u128(n as u128))]
    }

    fn access() -> Access {
        Access::new([], Surroundings::nowhere())
    }

    #[test]
    fn what_no_device_uses_any_more_goes() {
        let gateway = GatewayId(Uuid::from_u128(1));
        let mut cache = CompiledCache::default();
        let used: Vec<_> = (0..100).map(|n| cache.get(gateway, rules(n), access)).collect();
        for n in 100..10_000 {
            drop(cache.get(gateway, rules(n), access));
            assert!(cache.0[&gateway].by_rules.len() <= 2 * used.len(), "{n}");
        }
        for (n, compiled) in used.iter().enumerate() {
            let again = cache.get(gateway, rules(n), || unreachable!("it is there"));
            assert!(Arc::ptr_eq(&again, compiled));
        }
        // A policy that changes is evaluated anew, even while devices still hold what was.
        cache.forget_policy(rules(7)[0]);
        assert!(!Arc::ptr_eq(&cache.get(gateway, rules(7), access), &used[7]));
        cache.forget_gateway(gateway);
        assert!(!Arc::ptr_eq(&cache.get(gateway, rules(8), access), &used[8]));
    }
}
