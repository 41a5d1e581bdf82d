//! Random users, groups, devices and policies at one gateway, as the events that make them, and
//! who is a peer with which policies by a naive reading of those.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use nexavpn_bundle::Payload;
use nexavpn_domain::{
    Event,
    access::{Packet, Rule, Surroundings, testing, testing::Case},
    device::{DeviceEvent, KeyOrigin},
    fleet::Fleet,
    gateway::{GatewayEvent, GatewayFields},
    group::GroupEvent,
    ids::{DeviceId, GatewayId, GroupId, PolicyId, UserId},
    policy::{PolicyEvent, PolicyFields},
    user::UserEvent,
    values::{Addresses, Endpoint, PolicyEffect, Pool, Protocol, PublicKey, Role, Slot, Target},
};
use nexavpn_gateway_projector::render;
use proptest::{collection::vec, prelude::*, sample::select};
use uuid::Uuid;

const USERS: usize = 3;
const GROUPS: usize = 2;
/// The devices that send.
pub(super) const SENDERS: usize = 5;
/// A device that never sends, so that nothing towards it can be an answer.
pub(super) const SILENT: usize = SENDERS;

pub(super) fn user(n: usize) -> UserId {
    UserId(Uuid::from_u128(0x100 + n as u128))
}
fn group(n: usize) -> GroupId {
    GroupId(Uuid::from_u128(0x200 + n as u128))
}
pub(super) fn device(n: usize) -> DeviceId {
    DeviceId(Uuid::from_u128(0x300 + n as u128))
}
fn policy(n: usize) -> PolicyId {
    PolicyId(Uuid::from_u128(0x400 + n as u128))
}
pub(super) fn gateway() -> GatewayId {
    GatewayId(Uuid::from_u128(0x500))
}

/// What becomes of a policy. All but the first two keep it from counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    InForce,
    /// Made as something else, then changed to what it is.
    Changed,
    Disabled,
    NotYetValid,
    Expired,
    Deleted,
}

/// What becomes of a user or a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Active,
    Disabled,
    /// Deleted, or revoked.
    Gone,
}

#[derive(Debug, Clone)]
struct Policy {
    rule: Rule,
    targets: Vec<Target>,
    fate: Fate,
}

#[derive(Clone)]
pub(super) struct Scenario {
    pub(super) around: Surroundings,
    pub(super) pool: Pool,
    /// In the order of their creation.
    policies: Vec<Policy>,
    users: Vec<Life>,
    /// Members, and whether the group was deleted.
    groups: Vec<(Vec<usize>, bool)>,
    /// Owner and life.
    devices: Vec<(usize, Life)>,
    /// Which device sends which packet.
    pub(super) probes: Vec<(usize, Packet)>,
}

fn pool_of(around: &Surroundings) -> Pool {
    let v6 = around.tunnel_networks.get(1).copied();
    Pool::new(around.tunnel_networks[0], v6).unwrap()
}

pub(super) fn addresses(pool: &Pool, n: usize) -> Addresses {
    pool.addresses(16 + Slot::try_from(n).unwrap()).unwrap()
}

fn targets() -> impl Strategy<Value = Target> {
    prop_oneof![
        6 => Just(Target::Everyone),
        3 => (0..SENDERS).prop_map(|n| Target::Device(device(n))),
        // One more than there are: nobody.
        3 => (0..=USERS).prop_map(|n| Target::User(user(n))),
        3 => (0..=GROUPS).prop_map(|n| Target::Group(group(n))),
    ]
}

fn lives() -> impl Strategy<Value = Life> {
    prop_oneof![40 => Just(Life::Active), 1 => Just(Life::Disabled), 1 => Just(Life::Gone)]
}

/// Packets to addresses that matter beyond policies: the silent device, the gateway itself.
fn special(pool: &Pool) -> impl Strategy<Value = Packet> + use<> {
    let silent = addresses(pool, SILENT);
    let own = pool.gateway_addresses();
    let dst: Vec<IpAddr> = silent.iter().chain(silent.iter()).chain(own.iter()).collect();
    let numbers = select(vec![1u8, 6, 6, 17, 17, 47, 58, 132]);
    let ports = select(vec![22u16, 53, 53, 443, 8050]);
    (select(dst), numbers, ports).prop_map(|(dst, number, port)| packet(dst, number, port))
}

/// Packets that some policy allows, if none before it denies them: probes at boundaries alone are
/// denied nearly always.
fn aimed(rules: &[Rule]) -> impl Strategy<Value = Packet> + use<> {
    let mut list = Vec::new();
    for rule in rules.iter().filter(|rule| rule.effect == PolicyEffect::Allow) {
        let mut dst: Vec<IpAddr> = rule.destinations.iter().flat_map(some_of).collect();
        if rule.full_tunnel {
            dst.extend(["1.1.1.1", "2606:4700::1111"].map(|ip| ip.parse::<IpAddr>().unwrap()));
        }
        let mut services = Vec::new();
        for service in &rule.services {
            let ports = service.ports.iter().flat_map(|ports| [ports.first, ports.last]);
            services.extend(ports.chain([443]).map(|port| (service.protocol.0, port)));
        }
        if services.is_empty() {
            services.extend([(6, 443), (17, 53), (1, 0), (58, 0), (132, 1), (50, 0)]);
        }
        for ip in dst {
            list.extend(services.iter().map(|(number, port)| packet(ip, *number, *port)));
        }
    }
    if list.is_empty() {
        list.push(packet(IpAddr::from([10, 20, 0, 1]), 6, 443));
    }
    select(list)
}

/// The first, the last and a middle address.
fn some_of(network: &IpNetwork) -> [IpAddr; 3] {
    let middle = |first: u128, last: u128| first + (last - first) / 2;
    match network {
        IpNetwork::V4(network) => {
            let [first, last] = [network.network(), network.broadcast()].map(|ip| ip.to_bits());
            let middle = u32::try_from(middle(first.into(), last.into())).unwrap();
            [first, last, middle].map(|bits| Ipv4Addr::from_bits(bits).into())
        }
        IpNetwork::V6(network) => {
            let [first, last] = [network.network(), network.broadcast()].map(|ip| ip.to_bits());
            [first, last, middle(first, last)].map(|bits| Ipv6Addr::from_bits(bits).into())
        }
    }
}

fn packet(dst: IpAddr, number: u8, port: u16) -> Packet {
    let protocol = Protocol(number);
    Packet { dst, protocol, port: protocol.has_ports().then_some(port) }
}

/// Scenarios with so many probes. Those that no firewall decides about are left out.
pub(super) fn scenarios(probes: usize) -> impl Strategy<Value = Scenario> {
    let targets = prop_oneof![1 => Just(vec![]), 12 => vec(targets(), 1..4)];
    let policy = (targets, fates(), 0u8..6);
    let people = (
        vec(lives(), USERS),
        vec((vec(0..USERS, 0..3), prop::bool::weighted(0.1)), GROUPS),
        vec((0..USERS, lives()), SENDERS + 1),
    );
    (testing::cases(), vec(policy, 8), people).prop_flat_map(
        move |(case, extras, (users, groups, devices))| {
            let around = case.around;
            let pool = pool_of(&around);
            let rules = in_order(case.rules).into_iter().zip(extras);
            let policies: Vec<Policy> = rules
                .map(|(mut rule, (targets, fate, peer))| {
                    if peer == 0 {
                        rule.destinations
                            .extend(addresses(&pool, SILENT).iter().map(IpNetwork::from));
                    }
                    Policy { rule, targets, fate }
                })
                .collect();
            let rules: Vec<Rule> = policies.iter().map(|policy| policy.rule.clone()).collect();
            let choices = vec((0u8..20, aimed(&rules), special(&pool)), probes);
            let general = testing::probes(&Case { rules, around: around.clone() }, probes);
            (general, choices, vec(0..SENDERS, probes)).prop_map(
                move |(general, choices, senders)| {
                    let choices = general.into_iter().zip(choices);
                    let packets = choices.map(|(general, (which, aimed, special))| match which {
                        0..10 => general,
                        10..17 => aimed,
                        _ => special,
                    });
                    let mut scenario = Scenario {
                        probes: senders.into_iter().zip(packets).collect(),
                        around: around.clone(),
                        pool,
                        policies: policies.clone(),
                        users: users.clone(),
                        groups: groups.clone(),
                        devices: devices.clone(),
                    };
                    scenario.leave_out_undecided();
                    scenario
                },
            )
        },
    )
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::InForce),
        3 => Just(Fate::Changed),
        1 => Just(Fate::Disabled),
        1 => Just(Fate::NotYetValid),
        1 => Just(Fate::Expired),
        1 => Just(Fate::Deleted),
    ]
}

/// Sorted into the order of creation, with ids and ages that say so.
pub(super) fn in_order(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.sort_by_key(|rule| (rule.age, rule.id));
    for (n, rule) in rules.iter_mut().enumerate() {
        (rule.id, rule.age) = (policy(n), n as u64);
    }
    rules
}

/// Whether the firewall gets to decide about such a packet. The kernel itself never forwards some
/// destinations, and to connection tracking some protocols make no sense.
fn is_decided(packet: &Packet, pool: &Pool) -> bool {
    let Protocol(number) = packet.protocol;
    match packet.dst {
        IpAddr::V4(ip) => {
            let martian = matches!(ip.octets()[0], 0 | 127 | 224..=239) || ip.is_broadcast();
            // The pool's own network and broadcast address: those are the kernel's, no device's.
            let broadcast = [pool.v4.network(), pool.v4.broadcast()].contains(&ip);
            // ICMP of the other family is invalid.
            !martian && !broadcast && number != 58
        }
        IpAddr::V6(ip) => {
            let martian = ip.is_multicast()
                || ip.is_unicast_link_local()
                || ip.is_loopback()
                || ip.is_unspecified();
            // The pool's first address is the subnet-router anycast address of RFC 4291.
            let anycast = pool.v6.is_some_and(|network| network.network() == ip);
            // Extension headers are not what is carried, and 59 says that nothing is.
            !martian && !anycast && !matches!(number, 0 | 1 | 43 | 44 | 51 | 59 | 60)
        }
    }
}

impl Scenario {
    fn leave_out_undecided(&mut self) {
        let peers: Vec<bool> = (0..SENDERS).map(|n| self.rules_of(n).is_some()).collect();
        let own = self.pool.gateway_addresses();
        self.probes.retain(|(n, packet)| {
            // The gateway answers the echo requests of whoever gets through WireGuard, which is
            // not here to stop those who are no peers.
            let echo = own.iter().any(|ip| ip == packet.dst)
                && matches!(packet.protocol, Protocol::ICMP | Protocol::ICMPV6);
            is_decided(packet, &self.pool) && (peers[*n] || !echo)
        });
    }

    /// The policies that count for a device; `None` where it is no peer.
    pub(super) fn rules_of(&self, n: usize) -> Option<Vec<Rule>> {
        let (owner, life) = self.devices[n];
        if life != Life::Active || self.users[owner] != Life::Active {
            return None;
        }
        let is_meant = |target: &Target| match *target {
            Target::Everyone => true,
            Target::Device(id) => id == device(n),
            Target::User(id) => id == user(owner),
            Target::Group(id) => {
                let mut groups = self.groups.iter().enumerate();
                groups.any(|(g, (members, deleted))| {
                    id == group(g) && !deleted && members.contains(&owner)
                })
            }
        };
        let count = self.policies.iter().filter(|policy| {
            matches!(policy.fate, Fate::InForce | Fate::Changed)
                && policy.targets.iter().any(is_meant)
        });
        Some(count.map(|policy| policy.rule.clone()).collect())
    }

    /// The address that a device sends a packet from. Where it has none of that family it tries
    /// with one that is not its own.
    pub(super) fn source(&self, n: usize, dst: IpAddr) -> IpAddr {
        let own = addresses(&self.pool, n);
        let foreign = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0x10 + n as u16);
        if dst.is_ipv4() { own.v4.into() } else { own.v6.unwrap_or(foreign).into() }
    }

    /// The same without every second policy.
    pub(super) fn halved(&self) -> (Self, Vec<Event>) {
        let mut after = self.clone();
        let mut events = Vec::new();
        for (n, policy_) in after.policies.iter_mut().enumerate().step_by(2) {
            if policy_.fate != Fate::Deleted {
                policy_.fate = Fate::Deleted;
                events.push(Event::Policy(policy(n), PolicyEvent::Deleted {}));
            }
        }
        (after, events)
    }

    pub(super) fn events(&self) -> Vec<Event> {
        let mut events = vec![gateway_created(&self.around)];
        events.extend((0..USERS).map(user_created));
        for (g, (members, _)) in self.groups.iter().enumerate() {
            let created =
                GroupEvent::Created { name: format!("group {g}"), description: String::new() };
            events.push(Event::Group(group(g), created));
            // Somebody is a member for a while only.
            let passing = user((g + 1) % USERS);
            let member = |event: fn(UserId) -> GroupEvent, id| Event::Group(group(g), event(id));
            events.push(member(|user_id| GroupEvent::MemberAdded { user_id }, passing));
            events.push(member(|user_id| GroupEvent::MemberRemoved { user_id }, passing));
            let added = |n: &usize| member(|user_id| GroupEvent::MemberAdded { user_id }, user(*n));
            events.extend(members.iter().map(added));
        }
        let (early, late) = self.policies.split_at(self.policies.len() / 2);
        events.extend(early.iter().map(Policy::created));
        for (n, (owner, _)) in self.devices.iter().enumerate() {
            events.push(enrolled(n, *owner, &self.pool));
        }
        events.extend(late.iter().map(Policy::created));
        events.extend(self.policies.iter().filter_map(Policy::finished));
        events.extend(self.ends());
        events
    }

    fn ends(&self) -> impl Iterator<Item = Event> {
        let users = self.users.iter().enumerate().filter_map(|(n, life)| match life {
            Life::Active => None,
            Life::Disabled => Some(Event::User(user(n), UserEvent::Disabled {})),
            Life::Gone => Some(Event::User(user(n), UserEvent::Deleted {})),
        });
        let deleted = self.groups.iter().enumerate().filter(|(_, (_, deleted))| *deleted);
        let groups = deleted.map(|(n, _)| Event::Group(group(n), GroupEvent::Deleted {}));
        let devices = self.devices.iter().enumerate().filter_map(|(n, (owner, life))| {
            let event = match life {
                Life::Active => return None,
                Life::Disabled => DeviceEvent::Disabled {},
                Life::Gone => DeviceEvent::Revoked { owner: user(*owner), reason: None },
            };
            Some(Event::Device(device(n), event))
        });
        users.chain(groups).chain(devices)
    }
}

impl Policy {
    fn created(&self) -> Event {
        let mut fields = fields(&self.rule, self.targets.clone());
        match self.fate {
            Fate::Changed => {
                fields.effect = PolicyEffect::Deny;
                fields.full_tunnel = false;
                fields.priority += 1;
                fields.targets = vec![Target::Everyone];
                fields.destinations.clear();
                fields.services.clear();
            }
            Fate::Disabled => fields.enabled = false,
            Fate::NotYetValid => fields.valid_from = Some(DateTime::<Utc>::MAX_UTC),
            Fate::InForce | Fate::Expired | Fate::Deleted => {}
        }
        Event::Policy(self.rule.id, PolicyEvent::Created { fields })
    }

    fn finished(&self) -> Option<Event> {
        let event = match self.fate {
            Fate::InForce | Fate::Disabled | Fate::NotYetValid => return None,
            Fate::Expired => PolicyEvent::Expired {},
            Fate::Deleted => PolicyEvent::Deleted {},
            Fate::Changed => {
                let rule = self.rule.clone();
                PolicyEvent::Changed {
                    name: None,
                    description: None,
                    priority: Some(rule.priority),
                    effect: Some(rule.effect),
                    full_tunnel: Some(rule.full_tunnel),
                    destinations: Some(rule.destinations),
                    targets: Some(self.targets.clone()),
                    services: Some(rule.services),
                    enabled: None,
                    validity: None,
                }
            }
        };
        Some(Event::Policy(self.rule.id, event))
    }
}

fn fields(rule: &Rule, targets: Vec<Target>) -> PolicyFields {
    PolicyFields {
        name: rule.name.clone(),
        description: String::new(),
        priority: rule.priority,
        effect: rule.effect,
        full_tunnel: rule.full_tunnel,
        destinations: rule.destinations.clone(),
        targets,
        services: rule.services.clone(),
        enabled: true,
        valid_from: None,
        valid_until: None,
    }
}

pub(super) fn policy_created(rule: &Rule, target: Target) -> Event {
    Event::Policy(rule.id, PolicyEvent::Created { fields: fields(rule, vec![target]) })
}

pub(super) fn gateway_created(around: &Surroundings) -> Event {
    let endpoint = match around.endpoint {
        Some(IpAddr::V4(ip)) => format!("{ip}:51820"),
        Some(IpAddr::V6(ip)) => format!("[{ip}]:51820"),
        None => "vpn.example.com:51820".to_owned(),
    };
    let fields = GatewayFields {
        name: "gateway".to_owned(),
        endpoint: Endpoint::parse(&endpoint).unwrap(),
        listen_port: 51820,
        pool: pool_of(around),
        dns_servers: around.dns_servers.clone(),
        dns_search: vec![],
        mtu: 1420,
        persistent_keepalive: 25,
        masquerade_interfaces: vec![],
        internal_networks: around.internal_networks.clone(),
    };
    assert_eq!(Surroundings::of(&fields), *around);
    Event::Gateway(gateway(), GatewayEvent::Created { fields })
}

pub(super) fn user_created(n: usize) -> Event {
    let event = UserEvent::Created {
        username: format!("user{n}").into(),
        display_name: "".into(),
        email: None,
        role: Role::User,
        must_change_password: false,
    };
    Event::User(user(n), event)
}

pub(super) fn enrolled(n: usize, owner: usize, pool: &Pool) -> Event {
    let event = DeviceEvent::Enrolled {
        owner: user(owner),
        name: format!("device {n}").into(),
        platform: "linux".to_owned(),
        os_version: None,
        app_version: None,
        fingerprint: None,
        public_key: PublicKey::from_bytes([u8::try_from(n).unwrap() + 9; 32]).unwrap(),
        key_origin: KeyOrigin::Client,
        gateway_id: gateway(),
        slot: 16 + Slot::try_from(n).unwrap(),
        addresses: addresses(pool, n),
    };
    Event::Device(device(n), event)
}

/// Folds further events.
pub(super) fn fold(fleet: &mut Fleet, events: &[Event]) {
    for event in events {
        let idx = fleet.idx() + 1;
        fleet.apply(idx, DateTime::<Utc>::UNIX_EPOCH, event);
    }
}

/// The payload that a node would take.
pub(super) fn payload(fleet: &Fleet) -> Payload {
    let payload = render(fleet, gateway(), 1).unwrap().unwrap();
    nexavpn_bundle::validate(&payload).unwrap();
    payload
}

/// What one wants to read of a case that fails.
impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks =
            |list: &[IpNetwork]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let Surroundings { dns_servers, internal_networks, endpoint, .. } = &self.around;
        writeln!(f, "pool {}", networks(&self.around.tunnel_networks))?;
        writeln!(f, "dns {dns_servers:?}, endpoint {endpoint:?}")?;
        writeln!(f, "internal {}", networks(internal_networks))?;
        for (n, (owner, life)) in self.devices.iter().enumerate() {
            let owned = self.users[*owner];
            writeln!(f, "{:?}: {life:?}, of {:?} ({owned:?})", device(n), user(*owner))?;
        }
        for (n, (members, deleted)) in self.groups.iter().enumerate() {
            writeln!(f, "{:?}: users {members:?}, deleted: {deleted}", group(n))?;
        }
        for Policy { rule, targets, fate } in &self.policies {
            let Rule { id, priority, effect, full_tunnel, .. } = rule;
            let tunnel = if *full_tunnel { " full tunnel" } else { "" };
            writeln!(f, "{id:?}: {fate:?} {priority} {effect:?}{tunnel}")?;
            writeln!(f, "    to {}", networks(&rule.destinations))?;
            for service in &rule.services {
                let ports: Vec<_> = service.ports.iter().map(ToString::to_string).collect();
                writeln!(f, "    {} {}", service.protocol, ports.join(","))?;
            }
            writeln!(f, "    for {targets:?}")?;
        }
        write!(f, "{} probes", self.probes.len())
    }
}
