//! Random users, groups, devices and policies at one gateway, as the events that make them, and
//! who is a peer with which policies by a naive reading of those.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use nexavpn_bundle::Payload;
use nexavpn_domain::{
    Event,
    access::{Packet, Rule, Surroundings},
    device::{DeviceEvent, KeyOrigin},
    fleet::Fleet,
    gateway::{GatewayEvent, GatewayFields},
    group::GroupEvent,
    ids::{DeviceId, GatewayId, GroupId, PolicyId, UserId},
    policy::{PolicyEvent, PolicyFields},
    user::UserEvent,
    values::{Addresses, Endpoint, PolicyEffect, Pool, PublicKey, Role, Slot, Target},
};
use nexavpn_gateway_projector::render;
use uuid::Uuid;

pub(super) const USERS: usize = 3;
pub(super) const GROUPS: usize = 2;
/// The devices that send.
pub(super) const SENDERS: usize = 5;
/// A device that never sends, so that nothing towards it can be an answer.
pub(super) const SILENT: usize = SENDERS;

pub(super) fn user(n: usize) -> UserId {
    UserId(Uuid::from_u128(0x100 + n as u128))
}
pub(super) fn group(n: usize) -> GroupId {
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
pub(super) enum Fate {
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
pub(super) enum Life {
    Active,
    Disabled,
    /// Deleted, or revoked.
    Gone,
}

#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) rule: Rule,
    pub(super) targets: Vec<Target>,
    pub(super) fate: Fate,
}

#[derive(Clone)]
pub(super) struct Scenario {
    pub(super) around: Surroundings,
    pub(super) pool: Pool,
    /// In the order of their creation.
    pub(super) policies: Vec<Policy>,
    pub(super) users: Vec<Life>,
    /// Members, and whether the group was deleted.
    pub(super) groups: Vec<(Vec<usize>, bool)>,
    /// Owner and life.
    pub(super) devices: Vec<(usize, Life)>,
    /// Which device sends which packet.
    pub(super) probes: Vec<(usize, Packet)>,
}

pub(super) fn pool_of(around: &Surroundings) -> Pool {
    let v6 = around.tunnel_networks.get(1).copied();
    Pool::new(around.tunnel_networks[0], v6).unwrap()
}

pub(super) fn addresses(pool: &Pool, n: usize) -> Addresses {
    pool.addresses(16 + Slot::try_from(n).unwrap()).unwrap()
}

/// Sorted into the order of creation, with ids and ages that say so.
pub(super) fn in_order(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.sort_by_key(|rule| (rule.age, rule.id));
    for (n, rule) in rules.iter_mut().enumerate() {
        (rule.id, rule.age) = (policy(n), n as u64);
    }
    rules
}

impl Scenario {
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
        preshared_keys: false,
        max_stale_s: 0,
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
