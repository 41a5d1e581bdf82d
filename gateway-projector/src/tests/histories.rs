//! Random histories: events in an order in which commands could have appended them.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use ipnetwork::IpNetwork;
use nexavpn_domain::{
    Event,
    device::{DeviceEvent, KeyOrigin},
    gateway::{GatewayChange, GatewayEvent, GatewayFields},
    group::GroupEvent,
    ids::{DeviceId, GatewayId, GroupId, PolicyId, UserId},
    policy::{PolicyEvent, PolicyFields},
    security::SecurityEvent,
    user::UserEvent,
    values::{
        Endpoint, PolicyEffect, Pool, Ports, Protocol, PskRef, PublicKey, Role, Service, Slot,
        Target,
    },
};
use proptest::prelude::*;
use uuid::Uuid;

/// How many there are at most of each kind but devices.
const FEW: u8 = 2;
const DEVICES: u8 = 5;
const NETWORKS: [&str; 6] =
    ["10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "100.96.0.1/32", "fd00:1::/64", "0.0.0.0/0"];

/// A wish; [`history`] leaves out those that no command would grant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    kind: u8,
    which: u8,
    a: u8,
    b: u8,
}

pub(super) fn wishes(length: usize) -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0u8..27, any::<u8>(), any::<u8>(), any::<u8>());
    let wish = wish.prop_map(|(kind, which, a, b)| Wish { kind, which, a, b });
    proptest::collection::vec(wish, 1..length)
}

/// The effective time of an event: several share one.
pub(super) fn time(idx: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::milliseconds(idx / 3 * 700)
}

pub(super) fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(0x10 + u128::from(n)))
}
fn group(n: u8) -> GroupId {
    GroupId(Uuid::from_u128(0x20 + u128::from(n)))
}
pub(super) fn device(n: u8) -> DeviceId {
    DeviceId(Uuid::from_u128(0x30 + u128::from(n)))
}
pub(super) fn policy(n: u8) -> PolicyId {
    PolicyId(Uuid::from_u128(0x40 + u128::from(n)))
}
pub(super) fn gateway(n: u8) -> GatewayId {
    GatewayId(Uuid::from_u128(0x50 + u128::from(n)))
}

fn key(n: u16) -> PublicKey {
    let mut bytes = [9; 32];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    PublicKey::from_bytes(bytes).unwrap()
}

fn net(text: &str) -> IpNetwork {
    text.parse().unwrap()
}

pub(super) fn pool(n: u8) -> Pool {
    // The second one is public, so that it concerns the full tunnels of the first.
    let v4 = net(["100.96.0.0/16", "8.97.0.0/16"][usize::from(n)]);
    Pool::new(v4, (n == 0).then(|| net("fd00:96::/64"))).unwrap()
}

fn dns(n: u8) -> Vec<IpAddr> {
    let all: [&[&str]; 4] = [&[], &["100.96.0.1"], &["100.96.0.1", "fd00:96::1"], &["10.1.2.53"]];
    all[usize::from(n % 4)].iter().map(|ip| ip.parse().unwrap()).collect()
}

fn masquerade(n: u8) -> Vec<String> {
    let all: [&[&str]; 4] = [&[], &["eth0"], &["eth0", "eth1"], &["eth1", "eth0"]];
    all[usize::from(n % 4)].iter().map(|name| (*name).to_owned()).collect()
}

pub(super) fn gateway_fields(n: u8, dns_servers: Vec<IpAddr>) -> GatewayFields {
    GatewayFields {
        name: format!("gateway {n}"),
        endpoint: Endpoint::parse("198.51.100.7:51820").unwrap(),
        listen_port: 51820,
        pool: pool(n),
        dns_servers,
        dns_search: vec![],
        mtu: 1420,
        persistent_keepalive: 25,
        masquerade_interfaces: masquerade(1),
        internal_networks: vec![],
        preshared_keys: false,
        max_stale_s: 0,
    }
}

pub(super) fn enrolled(n: u8, key_number: u16, owner: UserId, at: u8) -> DeviceEvent {
    let slot = Slot::from(n) + 10;
    DeviceEvent::Enrolled {
        owner,
        name: format!("device {n}").into(),
        platform: "linux".to_owned(),
        os_version: None,
        app_version: None,
        fingerprint: None,
        public_key: key(key_number),
        key_origin: KeyOrigin::Client,
        gateway_id: gateway(at),
        slot,
        addresses: pool(at).addresses(slot).unwrap(),
    }
}

pub(super) fn user_created() -> UserEvent {
    UserEvent::Created {
        username: "u".into(),
        display_name: "U".into(),
        email: None,
        role: Role::User,
        must_change_password: false,
    }
}

fn destinations(bits: u8) -> Vec<IpNetwork> {
    let chosen = |(i, text): (usize, &&str)| (bits >> i & 1 == 1).then(|| net(text));
    NETWORKS.iter().enumerate().filter_map(chosen).collect()
}

fn services(n: u8) -> Vec<Service> {
    let ports = |first, last| vec![Ports { first, last }];
    match n % 4 {
        0 => vec![Service { protocol: Protocol::TCP, ports: ports(443, 443) }],
        1 => vec![
            Service { protocol: Protocol::UDP, ports: ports(50, 60) },
            Service { protocol: Protocol::ICMP, ports: vec![] },
        ],
        _ => vec![],
    }
}

fn target(n: u8) -> Target {
    match n % 6 {
        0 => Target::User(user(0)),
        1 => Target::User(user(1)),
        2 => Target::Group(group(0)),
        3 => Target::Group(group(1)),
        4 => Target::Device(device(n / 6 % DEVICES)),
        _ => Target::Everyone,
    }
}

pub(super) fn policy_fields(a: u8, b: u8) -> PolicyFields {
    let effect = if a & 1 == 0 { PolicyEffect::Allow } else { PolicyEffect::Deny };
    PolicyFields {
        name: format!("policy {a}"),
        description: String::new(),
        priority: u32::from(b % 3),
        effect,
        full_tunnel: effect == PolicyEffect::Allow && b & 0x60 == 0x60,
        destinations: destinations(a >> 1),
        targets: if b == 0 { vec![] } else { vec![target(b), target(a)] },
        services: services(b >> 3),
        enabled: b & 0x80 == 0,
        valid_from: (a & 0xc0 == 0xc0).then(|| time(1_000)),
        valid_until: None,
    }
}

/// What has been made, so that nothing is made twice or changed before it is there.
#[derive(Default)]
struct Made {
    users: [Life; FEW as usize],
    groups: [Life; FEW as usize],
    devices: [Life; DEVICES as usize],
    gateway_of: [u8; DEVICES as usize],
    policies: [Life; FEW as usize + 1],
    gateways: [Life; FEW as usize],
    keys: u16,
    signing_key: Option<String>,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Life {
    #[default]
    Unborn,
    Alive,
    Gone,
}

impl Life {
    fn begin<E>(&mut self, event: E) -> Option<E> {
        let unborn = *self == Self::Unborn;
        unborn.then(|| {
            *self = Self::Alive;
            event
        })
    }

    fn go_on<E>(self, event: E) -> Option<E> {
        (self == Self::Alive).then_some(event)
    }

    fn end<E>(&mut self, event: E) -> Option<E> {
        let alive = *self == Self::Alive;
        alive.then(|| {
            *self = Self::Gone;
            event
        })
    }
}

pub(super) fn history(wishes: &[Wish]) -> Vec<Event> {
    let mut made = Made::default();
    wishes.iter().filter_map(|wish| made.grant(*wish)).collect()
}

impl Made {
    fn grant(&mut self, Wish { kind, which, a, b }: Wish) -> Option<Event> {
        match kind {
            0..=4 => self.of_user(kind, which % FEW, a),
            5..=8 => self.of_group(kind, which % FEW, a),
            9..=17 => self.of_device(kind, which % DEVICES, a, b),
            18..=21 => self.of_policy(kind, which % (FEW + 1), a, b),
            _ => self.of_gateway(kind, which % FEW, a, b),
        }
    }

    fn of_user(&mut self, kind: u8, n: u8, a: u8) -> Option<Event> {
        let life = &mut self.users[usize::from(n)];
        let event = match kind {
            0 | 1 => life.begin(user_created()),
            2 => life.go_on(UserEvent::Disabled {}),
            3 => life.go_on(UserEvent::Enabled { role: Role::User }),
            _ if a < 40 => life.end(UserEvent::Deleted {}),
            _ => life.go_on(UserEvent::Renamed { username: "v".into() }),
        };
        event.map(|event| Event::User(user(n), event))
    }

    fn of_group(&mut self, kind: u8, n: u8, a: u8) -> Option<Event> {
        let life = &mut self.groups[usize::from(n)];
        let user_id = user(a % FEW);
        let event = match kind {
            5 => life.begin(GroupEvent::Created { name: "g".into(), description: String::new() }),
            6 => life.go_on(GroupEvent::MemberAdded { user_id }),
            7 => life.go_on(GroupEvent::MemberRemoved { user_id }),
            _ if a < 60 => life.end(GroupEvent::Deleted {}),
            _ => life.go_on(GroupEvent::Renamed { name: "h".into() }),
        };
        event.map(|event| Event::Group(group(n), event))
    }

    fn of_device(&mut self, kind: u8, n: u8, a: u8, b: u8) -> Option<Event> {
        let (owner, at) = (user(a % FEW), b % FEW);
        let possible = self.users[usize::from(a % FEW)] == Life::Alive
            && self.gateways[usize::from(at)] == Life::Alive;
        let life = &mut self.devices[usize::from(n)];
        self.keys += 1;
        let event = match kind {
            9..=11 if !possible => None,
            9..=11 => {
                if *life == Life::Unborn {
                    self.gateway_of[usize::from(n)] = at;
                }
                life.begin(enrolled(n, self.keys, owner, at))
            }
            12 => life.go_on(DeviceEvent::Reprovisioned {
                owner,
                public_key: key(self.keys),
                key_origin: KeyOrigin::Client,
                os_version: None,
                app_version: None,
            }),
            13 if a < 60 => {
                let psk_ref = (b & 3 != 0).then(|| PskRef::of(&[b & 3; 32]));
                life.go_on(DeviceEvent::PresharedKeyChanged { psk_ref })
            }
            13 if a < 150 => life.go_on(DeviceEvent::Disabled {}),
            13 => life.go_on(DeviceEvent::Enabled {}),
            14 => {
                let expires_at = (a & 1 == 0).then(|| time(i64::from(b)));
                life.go_on(DeviceEvent::ExpiryChanged { expires_at })
            }
            15 if a < 60 => life.go_on(DeviceEvent::Expired {}),
            15 => life.go_on(DeviceEvent::RotationRequested { deadline: time(i64::from(b)) }),
            16 if a < 60 => life.go_on(DeviceEvent::RotationLapsed {}),
            16 => life.go_on(DeviceEvent::Renamed { owner, name: "other".into() }),
            _ if a < 100 => life.end(DeviceEvent::Revoked { owner, reason: None }),
            _ if !possible => None,
            _ if a < 180 => life.go_on(DeviceEvent::OwnerChanged {
                owner,
                former_owners: vec![],
                name: "handed over".into(),
                os_version: None,
                fingerprint: None,
            }),
            _ => {
                let slot = Slot::from(n) + 10 + Slot::from(DEVICES) * Slot::from(a % 3);
                let addresses = pool(at).addresses(slot).unwrap();
                let gateway_id = gateway(at);
                let here = self.gateway_of[usize::from(n)] == at;
                if *life == Life::Alive {
                    self.gateway_of[usize::from(n)] = at;
                }
                life.go_on(if here {
                    DeviceEvent::AddressChanged { gateway_id, slot, addresses }
                } else {
                    DeviceEvent::GatewayChanged { gateway_id, slot, addresses }
                })
            }
        };
        event.map(|event| Event::Device(device(n), event))
    }

    fn of_policy(&mut self, kind: u8, n: u8, a: u8, b: u8) -> Option<Event> {
        let life = &mut self.policies[usize::from(n)];
        let event = match kind {
            18 | 19 => life.begin(PolicyEvent::Created { fields: policy_fields(a, b) }),
            20 => {
                let PolicyFields { priority, effect, destinations, targets, services, .. } =
                    policy_fields(a, b);
                let part = |bit: u8| a >> bit & 1 == 1 || b & 7 == bit;
                life.go_on(PolicyEvent::Changed {
                    name: part(0).then(|| format!("policy {b}")),
                    description: None,
                    priority: part(1).then_some(priority),
                    effect: part(2).then_some(effect),
                    full_tunnel: part(2).then_some(false),
                    destinations: part(3).then_some(destinations),
                    targets: part(4).then_some(targets),
                    services: part(5).then_some(services),
                    enabled: part(6).then_some(b & 1 == 0),
                    validity: None,
                })
            }
            _ if a < 80 => life.go_on(PolicyEvent::Activated {}),
            _ if a < 120 => life.go_on(PolicyEvent::Expired {}),
            _ if a < 160 => life.end(PolicyEvent::Deleted {}),
            _ => None,
        };
        event.map(|event| Event::Policy(policy(n), event))
    }

    fn of_gateway(&mut self, kind: u8, n: u8, a: u8, b: u8) -> Option<Event> {
        let life = &mut self.gateways[usize::from(n)];
        let event = match kind {
            22 | 23 => life.begin(GatewayEvent::Created { fields: gateway_fields(n, dns(a)) }),
            24 => life.go_on(GatewayEvent::Changed {
                change: GatewayChange {
                    name: (a & 1 == 0).then(|| "renamed".to_owned()),
                    mtu: (a & 2 == 0).then_some(1280 + u16::from(b % 2)),
                    dns_servers: (a & 4 == 0).then(|| dns(b)),
                    masquerade_interfaces: (a & 8 == 0).then(|| masquerade(b)),
                    internal_networks: (a & 16 == 0).then(|| destinations(b & 3)),
                    listen_port: (a & 32 == 0).then_some(51820 + u16::from(b % 2)),
                    preshared_keys: (a & 64 == 0).then_some(b & 1 == 0),
                    max_stale_s: (a & 128 == 0).then_some(u32::from(b % 2) * 600),
                    ..GatewayChange::default()
                },
            }),
            25 => {
                let public_key = key(60_000 + u16::from(n) + 8 * u16::from(b % 4));
                life.go_on(match a % 8 {
                    0 | 1 => GatewayEvent::KeySet { public_key },
                    2 | 3 => GatewayEvent::KeyRotationRequested { switch_at: time(b.into()) },
                    4 => GatewayEvent::NextKeyAnnounced { public_key },
                    5 => GatewayEvent::KeySwitched { public_key },
                    6 => GatewayEvent::KeyRotationCalledOff {},
                    _ => GatewayEvent::Joined { agent_version: "0.1.0".to_owned() },
                })
            }
            _ if a < 20 => life.end(GatewayEvent::Deleted {}),
            _ => return self.signing_key(format!("key {}", b % 2)),
        };
        event.map(|event| Event::Gateway(gateway(n), event))
    }

    fn signing_key(&mut self, key_id: String) -> Option<Event> {
        if self.signing_key.as_ref() == Some(&key_id) {
            return None;
        }
        self.signing_key = Some(key_id.clone());
        let public_key = String::new();
        let event =
            SecurityEvent::SigningKeyIntroduced { key_id, public_key, signed_by_previous: None };
        Some(Event::Security(Uuid::from_u128(0x60), event))
    }
}
