//! What one gateway has to do with the devices of another.

use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::{
    access::{DecidedBy, Packet},
    device::{DeviceEvent, KeyOrigin},
    event::Event,
    gateway::{GatewayEvent, GatewayFields},
    group::GroupEvent,
    policy::{PolicyEvent, PolicyFields},
    user::UserEvent,
    values::{Endpoint, PolicyEffect, Pool, Protocol, PublicKey, Role, Target},
};

const OWNER: UserId = UserId(Uuid::from_u128(1));

fn gateway(n: u128) -> GatewayId {
    GatewayId(Uuid::from_u128(0x10 + n))
}

fn device(n: u8) -> DeviceId {
    DeviceId(Uuid::from_u128(0x20 + u128::from(n)))
}

fn created(n: u128, pool: &str) -> Event {
    let fields = GatewayFields {
        name: format!("gateway {n}"),
        endpoint: Endpoint::parse("198.51.100.7:51820").unwrap(),
        listen_port: 51820,
        pool: Pool::new(pool.parse().unwrap(), None).unwrap(),
        dns_servers: vec![],
        dns_search: vec![],
        mtu: 1420,
        persistent_keepalive: 0,
        masquerade_interfaces: vec![],
        internal_networks: vec![],
        preshared_keys: false,
        max_stale_s: 0,
    };
    Event::Gateway(gateway(n), GatewayEvent::Created { fields })
}

fn enrolled(n: u8) -> Event {
    let pool = Pool::new("100.96.0.0/16".parse().unwrap(), None).unwrap();
    let event = DeviceEvent::Enrolled {
        owner: OWNER,
        name: "d".into(),
        platform: "linux".to_owned(),
        os_version: None,
        app_version: None,
        fingerprint: None,
        public_key: PublicKey::from_bytes([n + 9; 32]).unwrap(),
        key_origin: KeyOrigin::Client,
        gateway_id: gateway(0),
        slot: 10 + u32::from(n),
        addresses: pool.addresses(10 + u32::from(n)).unwrap(),
    };
    Event::Device(device(n), event)
}

fn allowed(n: u128, full_tunnel: bool, destination: &str, target: DeviceId) -> Event {
    let fields = PolicyFields {
        name: format!("policy {n}"),
        description: String::new(),
        priority: 100,
        effect: PolicyEffect::Allow,
        full_tunnel,
        destinations: vec![destination.parse().unwrap()],
        targets: vec![Target::Device(target)],
        services: vec![],
        enabled: true,
        valid_from: None,
        valid_until: None,
    };
    Event::Policy(PolicyId(Uuid::from_u128(0x30 + n)), PolicyEvent::Created { fields })
}

/// A fleet, and how to go on with it.
#[derive(Default)]
struct Story(Fleet);

impl Story {
    fn tell(&mut self, event: &Event) -> Changes {
        self.0.apply(self.0.idx() + 1, DateTime::UNIX_EPOCH, event)
    }

    /// Whether a device reaches an address; the firewall says it as the evaluator does.
    fn reaches(&self, device: DeviceId, ip: &str) -> bool {
        let packet = Packet { dst: ip.parse().unwrap(), protocol: Protocol::TCP, port: Some(443) };
        let decision = self.0.access(device).unwrap().decide(&packet);
        assert!(decision.allowed || decision.by == DecidedBy::Default);
        let peer = self.0.device(device).unwrap().peer().unwrap();
        assert_eq!(peer.compiled.profile().contains(&packet), decision.allowed, "{ip}");
        decision.allowed
    }
}

#[test]
fn a_full_tunnel_does_not_open_the_public_pool_of_another_gateway() {
    let owner = UserEvent::Created {
        username: "u".into(),
        display_name: "U".into(),
        email: None,
        role: Role::User,
        must_change_password: false,
    };
    let (tunnelled, other) = (device(0), device(1));
    let mut story = Story::default();
    for event in [
        Event::User(OWNER, owner),
        created(0, "100.96.0.0/16"),
        enrolled(0),
        enrolled(1),
        allowed(0, true, "8.97.1.0/24", tunnelled),
        allowed(1, false, "8.97.0.0/16", other),
    ] {
        story.tell(&event);
    }
    assert!(story.reaches(tunnelled, "8.97.0.5") && story.reaches(tunnelled, "8.98.0.5"));
    let before = story.0.compiled(tunnelled).unwrap();

    // A pool that is not public was never open: nobody is concerned.
    let changes = story.tell(&created(1, "100.97.0.0/16"));
    let expected = Changes { gateways: [gateway(1)].into(), devices: BTreeSet::new() };
    assert_eq!(changes, expected);
    assert!(Arc::ptr_eq(&story.0.compiled(tunnelled).unwrap(), &before));

    let changes = story.tell(&created(2, "8.97.0.0/16"));
    let expected =
        Changes { gateways: [gateway(0), gateway(2)].into(), devices: [tunnelled].into() };
    assert_eq!(changes, expected);
    assert_eq!(story.0.gateway(gateway(0)).unwrap().revision, story.0.idx());
    assert!(!story.reaches(tunnelled, "8.97.0.5") && story.reaches(tunnelled, "8.98.0.5"));
    // What policies list stays open.
    assert!(story.reaches(tunnelled, "8.97.1.5") && story.reaches(other, "8.97.0.5"));

    // Whoever gets the policy later is told the same.
    story.tell(&enrolled(2));
    story.tell(&allowed(2, true, "10.0.0.0/8", device(2)));
    assert!(!story.reaches(device(2), "8.97.0.5") && story.reaches(device(2), "8.98.0.5"));

    let changes = story.tell(&Event::Gateway(gateway(2), GatewayEvent::Deleted {}));
    let expected =
        Changes { gateways: [gateway(0)].into(), devices: [tunnelled, device(2)].into() };
    assert_eq!(changes, expected);
    assert!(story.reaches(tunnelled, "8.97.0.5") && story.reaches(device(2), "8.97.0.5"));
}

#[test]
fn a_device_that_moves_leaves_one_gateway_and_comes_to_the_other() {
    let owner = UserEvent::Created {
        username: "u".into(),
        display_name: "U".into(),
        email: None,
        role: Role::User,
        must_change_password: false,
    };
    let key_set = |n: u8| {
        let public_key = PublicKey::from_bytes([n + 70; 32]).unwrap();
        Event::Gateway(gateway(n.into()), GatewayEvent::KeySet { public_key })
    };
    let mut story = Story::default();
    for event in [
        Event::User(OWNER, owner),
        created(0, "100.96.0.0/16"),
        created(1, "100.97.0.0/16"),
        key_set(0),
        key_set(1),
        enrolled(0),
        enrolled(1),
        allowed(0, false, "10.0.0.0/8", device(0)),
    ] {
        story.tell(&event);
    }
    let to = |to: u128, pool: &str| {
        let pool = Pool::new(pool.parse().unwrap(), None).unwrap();
        let addresses = pool.addresses(30).unwrap();
        let event = DeviceEvent::GatewayChanged { gateway_id: gateway(to), slot: 30, addresses };
        Event::Device(device(0), event)
    };
    let there = to(1, "100.97.0.0/16");
    let outlook = Outlook::of(&story.0, std::slice::from_ref(&there), DateTime::UNIX_EPOCH);
    let changed: Vec<GatewayId> = outlook.gateways.keys().copied().collect();
    assert_eq!(changed, [gateway(0), gateway(1)]);

    let changes = story.tell(&there);
    let expected =
        Changes { gateways: [gateway(0), gateway(1)].into(), devices: [device(0)].into() };
    assert_eq!(changes, expected);
    let of = |story: &Story, n| -> Vec<DeviceId> {
        story.0.devices_of_gateway(gateway(n)).map(|(id, _)| id).collect()
    };
    assert_eq!((of(&story, 0), of(&story, 1)), (vec![device(1)], vec![device(0)]));
    let moved = story.0.device(device(0)).unwrap();
    assert_eq!(moved.profile_revision, 3, "enrolled, allowed something, moved");
    assert_eq!(moved.peer().unwrap().addresses.v4.to_string(), "100.97.0.30");
    assert!(story.reaches(device(0), "10.1.2.3"));
    // What concerns its new gateway concerns it, and what concerns the old one no more.
    let event = GatewayEvent::KeySet { public_key: PublicKey::from_bytes([99; 32]).unwrap() };
    assert_eq!(story.tell(&Event::Gateway(gateway(1), event.clone())).devices, [device(0)].into());
    let event = GatewayEvent::KeySet { public_key: PublicKey::from_bytes([98; 32]).unwrap() };
    assert_eq!(story.tell(&Event::Gateway(gateway(0), event)).devices, [device(1)].into());
    // One that is no peer concerns no bundle.
    story.tell(&Event::Device(device(0), DeviceEvent::Disabled {}));
    assert_eq!(story.tell(&to(0, "100.96.0.0/16")).gateways, BTreeSet::new());
}

/// The bundle is another one where the node has something else to do, the profile where a client
/// has.
#[test]
fn a_rotation_of_the_key_concerns_the_bundle_or_the_profiles_or_both() {
    let key = |n| PublicKey::from_bytes([n; 32]).unwrap();
    let mut story = Story::default();
    let key_set = GatewayEvent::KeySet { public_key: key(70) };
    for event in [created(0, "100.96.0.0/16"), Event::Gateway(gateway(0), key_set), enrolled(0)] {
        story.tell(&event);
    }
    let at = |minutes: i64| DateTime::from_timestamp(1_800_000_000 + 60 * minutes, 0).unwrap();
    let requested = |minutes| GatewayEvent::KeyRotationRequested { switch_at: at(minutes) };
    let announced = GatewayEvent::NextKeyAnnounced { public_key: key(99) };
    let joined = GatewayEvent::Joined { agent_version: "0.1.0".to_owned() };
    for (event, bundle, profile) in [
        (joined.clone(), false, false),
        (requested(1), true, false),
        (requested(2), false, false),
        (announced.clone(), false, true),
        (requested(3), false, true),
        (GatewayEvent::KeyRotationCalledOff {}, true, true),
        (requested(4), true, false),
        (announced, false, true),
        (GatewayEvent::KeySwitched { public_key: key(99) }, true, true),
        (joined, true, false),
    ] {
        let before = story.0.device(device(0)).unwrap().profile_revision;
        let changes = story.tell(&Event::Gateway(gateway(0), event.clone()));
        let after = story.0.device(device(0)).unwrap().profile_revision;
        let expected = if bundle { BTreeSet::from([gateway(0)]) } else { BTreeSet::new() };
        assert_eq!(changes.gateways, expected, "{event:?}");
        assert_eq!(after - before, i64::from(profile), "{event:?}");
        assert_eq!(!changes.devices.is_empty(), profile, "{event:?}");
    }
    let profile = story.0.client_profile(device(0)).unwrap();
    assert_eq!((profile.gateway_key, profile.next_key), (key(99), None));
}

/// Whoever makes something of a profile before its device is stored makes it of the right one; or of
/// none, where nobody had such access before.
#[test]
fn a_new_device_has_the_profile_that_was_foretold() {
    let mut story = Story::default();
    let key_set = GatewayEvent::KeySet { public_key: PublicKey::from_bytes([70; 32]).unwrap() };
    story.tell(&created(0, "100.96.0.0/16"));
    story.tell(&Event::Gateway(gateway(0), key_set));
    let foretold = |story: &Story, n, preshared| {
        let pool = Pool::new("100.96.0.0/16".parse().unwrap(), None).unwrap();
        let slot = 10 + u32::from(n);
        let enrolment = Enrolment {
            owner: OWNER,
            name: "d".to_owned(),
            platform: "linux".to_owned(),
            os_version: None,
            app_version: None,
            fingerprint: None,
            public_key: PublicKey::from_bytes([n + 9; 32]).unwrap(),
            key_origin: KeyOrigin::Server,
            gateway_id: gateway(0),
            slot,
            addresses: pool.addresses(slot).unwrap(),
        };
        story.0.client_profile_ahead(device(n), &enrolment, preshared)
    };
    assert_eq!(foretold(&story, 0, false), None);
    story.tell(&enrolled(0));
    // Of those to come, one has a policy of its own.
    story.tell(&allowed(0, false, "10.1.0.0/16", device(2)));
    let first = foretold(&story, 1, false).unwrap();
    assert_eq!(foretold(&story, 2, false), None);
    for n in [1, 2] {
        story.tell(&enrolled(n));
    }
    assert_eq!(story.0.client_profile(device(1)), Some(first));
    assert_ne!(foretold(&story, 2, true), story.0.client_profile(device(2)));
    assert_eq!(foretold(&story, 2, false), story.0.client_profile(device(2)));
}

/// Ten thousand devices of as many users, in a hundred groups with policies of their own: what a
/// policy for everyone would do is told of all of them, and what concerns one person of one.
#[test]
fn a_policy_for_everyone_is_foretold_for_ten_thousand() {
    const DEVICES: u128 = 10_000;
    const GROUPS: u128 = 100;
    let wide = Pool::new("100.64.0.0/10".parse().unwrap(), None).unwrap();
    let user = |n: u128| UserId(Uuid::from_u128((1 << 64) + n));
    let group = |n: u128| GroupId(Uuid::from_u128((2 << 64) + n));
    let policy = |n: u128, target, destination: String| {
        let Event::Policy(_, PolicyEvent::Created { fields }) =
            allowed(n, false, &destination, device(0))
        else {
            unreachable!("it is one");
        };
        let fields = PolicyFields { targets: vec![target], ..fields };
        Event::Policy(PolicyId(Uuid::from_u128((3 << 64) + n)), PolicyEvent::Created { fields })
    };
    let mut story = Story::default();
    story.tell(&created(0, "100.64.0.0/10"));
    for n in 0..GROUPS {
        let made = GroupEvent::Created { name: "g".into(), description: String::new() };
        story.tell(&Event::Group(group(n), made));
        story.tell(&policy(n, Target::Group(group(n)), format!("10.{n}.0.0/16")));
    }
    for n in 0..DEVICES {
        let person = UserEvent::Created {
            username: "u".into(),
            display_name: "U".into(),
            email: None,
            role: Role::User,
            must_change_password: false,
        };
        story.tell(&Event::User(user(n), person));
        let joined = GroupEvent::MemberAdded { user_id: user(n) };
        story.tell(&Event::Group(group(n % GROUPS), joined));
        let Event::Device(_, DeviceEvent::Enrolled { name, platform, .. }) = enrolled(0) else {
            unreachable!("it is one");
        };
        let slot = 10 + u32::try_from(n).unwrap();
        let mut key = [9; 32];
        key[..16].copy_from_slice(&n.to_be_bytes());
        let event = DeviceEvent::Enrolled {
            owner: user(n),
            name,
            platform,
            os_version: None,
            app_version: None,
            fingerprint: None,
            public_key: PublicKey::from_bytes(key).unwrap(),
            key_origin: KeyOrigin::Client,
            gateway_id: gateway(0),
            slot,
            addresses: wide.addresses(slot).unwrap(),
        };
        story.tell(&Event::Device(DeviceId(Uuid::from_u128((4 << 64) + n)), event));
    }
    let event = [policy(GROUPS, Target::Everyone, "172.16.0.0/12".into())];
    let outlook = Outlook::of(&story.0, &event, DateTime::UNIX_EPOCH);
    assert_eq!(outlook.devices.len() as u128, DEVICES);
    assert_eq!(outlook.oversized(3), None);
    assert_eq!(outlook.oversized(1).map(|most| most.boxes), Some(2));

    let event = [policy(GROUPS, Target::User(user(7)), "172.16.0.0/12".into())];
    let outlook = Outlook::of(&story.0, &event, DateTime::UNIX_EPOCH);
    assert_eq!(outlook.devices.len(), 1);
}

#[test]
fn a_new_device_goes_to_the_gateway_with_the_fewest() {
    let mut fleet = Fleet::default();
    let mut idx = 0;
    let mut apply = |fleet: &mut Fleet, event: Event| {
        idx += 1;
        fleet.apply(idx, DateTime::UNIX_EPOCH, &event);
    };
    let key = |n: u8| {
        let public_key = PublicKey::from_bytes([n + 1; 32]).unwrap();
        Event::Gateway(gateway(n.into()), GatewayEvent::KeySet { public_key })
    };
    let chosen = |fleet: &Fleet, wish, address: Option<&str>| {
        let address = address.map(|ip| ip.parse().unwrap());
        fleet.gateway_for_new(wish, address).map(|(id, _)| id)
    };
    apply(&mut fleet, created(0, "100.96.0.0/16"));
    apply(&mut fleet, created(1, "100.97.0.0/16"));
    // Without keys they are of no use.
    assert_eq!(chosen(&fleet, None, None), None);
    assert_eq!(chosen(&fleet, Some(gateway(0)), None), None);
    apply(&mut fleet, key(0));
    apply(&mut fleet, key(1));
    assert_eq!(chosen(&fleet, None, None), Some(gateway(0)));
    apply(&mut fleet, enrolled(1));
    assert_eq!(chosen(&fleet, None, None), Some(gateway(1)));
    assert_eq!(chosen(&fleet, None, Some("100.96.0.9")), Some(gateway(0)));
    assert_eq!(chosen(&fleet, None, Some("100.98.0.9")), None);
    assert_eq!(chosen(&fleet, Some(gateway(0)), None), Some(gateway(0)));
    assert_eq!(chosen(&fleet, Some(gateway(7)), None), None);
    let drain = GatewayEvent::DrainStarted { target: None };
    apply(&mut fleet, Event::Gateway(gateway(1), drain));
    assert_eq!(chosen(&fleet, None, None), Some(gateway(0)));
    assert_eq!(chosen(&fleet, Some(gateway(1)), None), None);
    // Also of a fleet that was kept.
    let fleet = FleetImage::of(&fleet).restore();
    assert_eq!(chosen(&fleet, None, None), Some(gateway(0)));
    let mut fleet = fleet;
    apply(&mut fleet, Event::Gateway(gateway(1), GatewayEvent::DrainEnded {}));
    assert_eq!(chosen(&fleet, None, None), Some(gateway(1)));
    // A revoked device does not count.
    let revoked = DeviceEvent::Revoked { owner: OWNER, reason: None };
    apply(&mut fleet, Event::Device(device(1), revoked));
    assert_eq!(chosen(&fleet, None, None), Some(gateway(0)));
}
