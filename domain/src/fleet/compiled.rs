//! Evaluated access, shared between devices that have the same rules.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    net::IpAddr,
    sync::{Arc, OnceLock, Weak},
};

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use sha2::{Digest, Sha256};

use super::{DeviceState, GatewayState};
use crate::{
    access::{Access, FlatProfile, Opened, Resource},
    ids::{GatewayId, PolicyId},
    values::{Addresses, Endpoint, PublicKey},
};

/// What a set of rules comes to at a gateway.
#[derive(Debug)]
pub struct Compiled {
    access: Access,
    profile: Arc<FlatProfile>,
    opened: Arc<Opened>,
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
    /// The flattened firewall profile, shared with all that is equal, at other gateways too.
    #[must_use]
    pub const fn profile(&self) -> &Arc<FlatProfile> {
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
pub(super) struct CompiledCache {
    by_gateway: HashMap<GatewayId, ByRules>,
    /// What the rules came to lately, at whatever gateway: mostly it is the same.
    anywhere: ByRules,
    profiles: Profiles,
}

#[derive(Debug, Clone, Default)]
struct ByRules {
    known: HashMap<Vec<PolicyId>, Weak<Compiled>>,
    room: Room,
}

/// All profiles, each content once: devices of one user have the same at every gateway, mostly.
#[derive(Debug, Clone, Default)]
struct Profiles {
    shared: HashSet<Arc<FlatProfile>>,
    room: Room,
}

/// How many entries there may be before those that nobody uses are looked for. Half of it is free
/// afterwards, so that the looking costs each new entry a fixed share.
#[derive(Debug, Clone, Default)]
struct Room(usize);

impl Room {
    /// Below this it is not worth looking.
    const LEAST: usize = 64;

    const fn is_full(&self, entries: usize) -> bool {
        entries >= if self.0 > Self::LEAST { self.0 } else { Self::LEAST }
    }

    const fn looked(&mut self, left: usize) {
        self.0 = 2 * left;
    }
}

impl ByRules {
    fn get(&self, rules: &[PolicyId]) -> Option<Arc<Compiled>> {
        self.known.get(rules)?.upgrade()
    }

    fn insert(&mut self, rules: Vec<PolicyId>, compiled: &Arc<Compiled>) {
        if self.room.is_full(self.known.len()) {
            self.known.retain(|_, compiled| compiled.strong_count() > 0);
            self.room.looked(self.known.len());
        }
        self.known.insert(rules, Arc::downgrade(compiled));
    }
}

impl Profiles {
    fn share(&mut self, profile: FlatProfile) -> Arc<FlatProfile> {
        if let Some(shared) = self.shared.get(&profile) {
            return Arc::clone(shared);
        }
        if self.room.is_full(self.shared.len()) {
            self.shared.retain(|profile| Arc::strong_count(profile) > 1);
            self.room.looked(self.shared.len());
        }
        let profile = Arc::new(profile);
        self.shared.insert(Arc::clone(&profile));
        profile
    }
}

impl CompiledCache {
    /// What these rules come to at the gateway, if that is known.
    pub(super) fn get(&self, gateway: GatewayId, rules: &[PolicyId]) -> Option<Arc<Compiled>> {
        self.by_gateway.get(&gateway)?.get(rules)
    }

    /// Works out what these rules come to at the gateway.
    pub(super) fn compile(
        &mut self,
        gateway: GatewayId,
        rules: Vec<PolicyId>,
        access: Access,
    ) -> Arc<Compiled> {
        let elsewhere = self.anywhere.get(&rules).filter(|known| access.opens_as(&known.access));
        let (profile, opened) = match &elsewhere {
            Some(known) => (Arc::clone(&known.profile), Arc::clone(&known.opened)),
            None => {
                let (profile, opened) = access.evaluate();
                (self.profiles.share(profile), Arc::new(opened))
            }
        };
        let routes = access.routes_through(&opened);
        let reach = OnceLock::new();
        let compiled = Arc::new(Compiled { access, profile, opened, routes, reach });
        if elsewhere.is_none() {
            self.anywhere.insert(rules.clone(), &compiled);
        }
        self.by_gateway.entry(gateway).or_default().insert(rules, &compiled);
        compiled
    }

    /// Notes what a device has.
    pub(super) fn keep(
        &mut self,
        gateway: GatewayId,
        rules: Vec<PolicyId>,
        compiled: &Arc<Compiled>,
    ) {
        self.by_gateway.entry(gateway).or_default().insert(rules, compiled);
    }

    pub(super) fn forget_policy(&mut self, id: PolicyId) {
        for of_gateway in self.by_gateway.values_mut() {
            of_gateway.known.retain(|rules, _| !rules.contains(&id));
        }
    }

    pub(super) fn forget_gateway(&mut self, id: GatewayId) {
        self.by_gateway.remove(&id);
    }
}

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
        let compiled = device.compiled.as_ref()?;
        let fields = &gateway.fields;
        Some(Self {
            addresses: device.addresses,
            preshared: device.psk_ref.is_some(),
            dns_servers: fields.dns_servers.clone(),
            dns_search: fields.dns_search.clone(),
            mtu: fields.mtu,
            gateway_key: gateway.keys.in_force()?.clone(),
            next_key: gateway.keys.rotation().and_then(|rotation| {
                let (public_key, switch_at) = (rotation.next_key.clone()?, rotation.switch_at);
                Some(NextGatewayKey { public_key, switch_at })
            }),
            endpoint: fields.endpoint.clone(),
            routes: compiled.routes().to_vec(),
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

    use uuid::Uuid;

    use super::*;
    use crate::{
        access::{Rule, Surroundings},
        values::PolicyEffect,
    };

    fn rules(n: usize) -> Vec<PolicyId> {
        vec![PolicyId(Uuid::from_u128(n as u128))]
    }

    /// Opens one address, another one for each number.
    fn access(n: usize) -> Access {
        let dns_servers = vec![Ipv4Addr::from_bits(n as u32).into()];
        Access::new([], Surroundings { dns_servers, ..Surroundings::nowhere() })
    }

    #[test]
    fn what_no_device_uses_any_more_goes() {
        let gateway = GatewayId(Uuid::from_u128(1));
        let mut cache = CompiledCache::default();
        let mut compile = |n| cache.compile(gateway, rules(n), access(n));
        let used: Vec<_> = (0..100).map(&mut compile).collect();
        for n in 100..10_000 {
            drop(cache.compile(gateway, rules(n), access(n)));
            assert!(cache.by_gateway[&gateway].known.len() <= 2 * used.len(), "{n}");
            assert!(cache.anywhere.known.len() <= 2 * used.len(), "{n}");
            assert!(cache.profiles.shared.len() <= 2 * used.len(), "{n}");
        }
        for (n, compiled) in used.iter().enumerate() {
            assert!(Arc::ptr_eq(&cache.get(gateway, &rules(n)).unwrap(), compiled));
        }
        // A policy that changes is evaluated anew, even while devices still hold what was.
        cache.forget_policy(rules(7)[0]);
        assert!(cache.get(gateway, &rules(7)).is_none());
        cache.forget_gateway(gateway);
        assert!(cache.get(gateway, &rules(8)).is_none());
    }

    #[test]
    fn the_same_rules_are_evaluated_once_for_gateways_alike() {
        let mut cache = CompiledCache::default();
        let rule = |destination: &str, full_tunnel| {
            Arc::new(Rule {
                id: rules(1)[0],
                name: String::new(),
                priority: 1,
                effect: PolicyEffect::Allow,
                full_tunnel,
                destinations: vec![destination.parse().unwrap()],
                services: vec![],
                age: 1,
            })
        };
        let mut at = |gateway: u8, rule: &Arc<Rule>| {
            let around = Surroundings {
                gateway_addresses: Addresses { v4: Ipv4Addr::new(10, gateway, 0, 1), v6: None },
                ..Surroundings::nowhere()
            };
            let access = Access::new([Arc::clone(rule)], around);
            cache.compile(GatewayId(Uuid::from_u128(gateway.into())), rules(1), access)
        };
        let mut shared = |rule: Arc<Rule>| {
            let [one, other] = [at(1, &rule), at(2, &rule)];
            Arc::ptr_eq(&one.opened, &other.opened)
        };
        assert!(shared(rule("172.16.0.0/16", false)));
        // The same policy, edited.
        assert!(shared(rule("172.17.0.0/16", false)));
        assert!(!shared(rule("10.1.0.0/16", false)));
        assert!(!shared(rule("10.2.0.0/16", false)));
        assert!(!shared(rule("172.16.0.0/16", true)));
    }

    #[test]
    fn equal_profiles_are_one() {
        let mut cache = CompiledCache::default();
        let mut at = |gateway, n| {
            let gateway = GatewayId(Uuid::from_u128(gateway));
            Arc::clone(cache.compile(gateway, rules(n), access(n % 2)).profile())
        };
        let (one, other, third) = (at(1, 2), at(2, 4), at(1, 3));
        assert!(Arc::ptr_eq(&one, &other));
        assert_ne!(one, third);
    }

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
