//! Evaluated access, shared between devices that have the same rules.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock, Weak},
};

use ipnetwork::IpNetwork;

use crate::{
    access::{Access, FlatProfile, Opened, Resource},
    ids::{GatewayId, PolicyId},
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use uuid::Uuid;

    use super::*;
    use crate::{
        access::{Rule, Surroundings},
        values::{Addresses, PolicyEffect},
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
}
