//! Rendering over histories.

use std::collections::BTreeMap;

use nexavpn_bundle::{Payload, canonical, validate};
use nexavpn_domain::{
    Event, UnknownEvent,
    device::DeviceEvent,
    fleet::{DeviceStatus, Fleet},
    gateway::GatewayEvent,
    ids::GatewayId,
    policy::{PolicyEvent, PolicyFields},
    values::{PolicyEffect, Target},
};
use proptest::prelude::*;

use super::histories::{
    device, enrolled, gateway, gateway_fields, history, policy, policy_fields, time, user,
    user_created, wishes,
};
use crate::{FoldError, folded::Folded, render};

const EPOCH: i64 = 1_795_219_200;

fn fold(events: &[Event]) -> Folded {
    let mut folded = Folded::default();
    for (idx, event) in (1..).zip(events) {
        folded.apply(idx, time(idx), Ok(event.clone())).unwrap();
    }
    folded
}

fn payload(fleet: &Fleet, id: GatewayId) -> Payload {
    render(fleet, id, EPOCH).unwrap().unwrap()
}

pub(super) fn bytes(fleet: &Fleet, id: GatewayId) -> Vec<u8> {
    canonical(&payload(fleet, id)).unwrap()
}

/// All of a bundle that is not its own date: the content, and who signs it.
fn content(fleet: &Fleet) -> BTreeMap<GatewayId, (Vec<u8>, Option<String>)> {
    let of = |id| {
        let mut payload = payload(fleet, id);
        payload.revision = 0;
        payload.issued_at.clear();
        (canonical(&payload).unwrap(), fleet.signing_key().map(str::to_owned))
    };
    fleet.gateways().map(|(id, _)| (id, of(id))).collect()
}

fn allow(name: &str, destinations: &[&str], target: Target) -> PolicyEvent {
    let fields = PolicyFields {
        name: name.to_owned(),
        effect: PolicyEffect::Allow,
        full_tunnel: false,
        destinations: destinations.iter().map(|net| net.parse().unwrap()).collect(),
        targets: vec![target],
        services: vec![],
        enabled: true,
        valid_from: None,
        ..policy_fields(0, 0)
    };
    PolicyEvent::Created { fields }
}

/// A gateway with three devices: the first two may reach the same, by different policies.
fn three_devices() -> Vec<Event> {
    let dns = vec!["100.96.0.1".parse().unwrap()];
    let enrol = |n: u8| Event::Device(device(n), enrolled(n, u16::from(n) + 1, user(n % 2), 0));
    vec![
        Event::Gateway(gateway(0), GatewayEvent::Created { fields: gateway_fields(0, dns) }),
        Event::User(user(0), user_created()),
        Event::User(user(1), user_created()),
        Event::Policy(policy(0), allow("one", &["10.1.0.0/16"], Target::Device(device(0)))),
        Event::Policy(
            policy(1),
            allow("halves", &["10.1.0.0/17", "10.1.128.0/17"], Target::Device(device(1))),
        ),
        enrol(0),
        enrol(1),
        enrol(2),
    ]
}

#[test]
fn equal_access_is_one_profile() {
    let folded = fold(&three_devices());
    let payload = payload(folded.fleet(), gateway(0));
    validate(&payload).unwrap();
    let of = |n: u8| {
        let id = device(n).to_string();
        payload.devices.iter().find(|device| device.id == id).unwrap().profile.clone()
    };
    assert_eq!(of(0), of(1));
    assert_ne!(of(0), of(2));
    assert_eq!(payload.profiles.len(), 2);
    assert_eq!(payload.profiles[&of(0)].v4, ["10.1.0.0-10.1.255.255"]);
}

#[test]
fn the_interface_and_its_surroundings_are_those_of_the_gateway() {
    let folded = fold(&three_devices());
    let payload = payload(folded.fleet(), gateway(0));
    assert_eq!(payload.interface.addresses, ["100.96.0.1/16", "fd00:96::1/64"]);
    assert_eq!((payload.interface.listen_port, payload.interface.mtu), (51820, 1420));
    assert!(payload.input.dns, "the resolver is the gateway itself");
    assert_eq!(payload.devices[0].ips, ["100.96.0.10/32", "fd00:96::a/128"]);
    let nat = |rules: &[nexavpn_bundle::Masquerade]| {
        rules.iter().map(|rule| format!("{} {}", rule.src, rule.oif)).collect::<Vec<_>>()
    };
    assert_eq!(nat(&payload.nat.v4_masquerade), ["100.96.0.0/16 eth0"]);
    assert_eq!(nat(&payload.nat.v6_masquerade), ["fd00:96::/64 eth0"]);
    assert_eq!(payload.issued_at, "2027-01-15T08:00:01.400000Z");
    assert_eq!(payload.revision, 8);
}

#[test]
fn a_gateway_without_devices_has_a_bundle_and_an_unknown_one_none() {
    let folded = fold(&three_devices()[..1]);
    let payload = payload(folded.fleet(), gateway(0));
    validate(&payload).unwrap();
    assert!(payload.devices.is_empty() && payload.profiles.is_empty());
    assert_eq!(payload.revision, 1);
    assert!(render(folded.fleet(), gateway(1), EPOCH).unwrap().is_none());
}

#[test]
fn folding_stops_at_an_unknown_event_and_at_a_hole() {
    let mut folded = fold(&three_devices());
    let before = bytes(folded.fleet(), gateway(0));
    let disabled = Event::Device(device(0), DeviceEvent::Disabled {});
    let hole = folded.apply(10, time(10), Ok(disabled)).unwrap_err();
    assert!(matches!(hole, FoldError::Gap { expected: 9, found: 10 }));
    let unknown = UnknownEvent {
        aggregate_type: "device".to_owned(),
        aggregate_id: device(0).to_string(),
        reason: "from the future".to_owned(),
    };
    let unknown = folded.apply(9, time(9), Err(unknown)).unwrap_err();
    assert!(matches!(unknown, FoldError::Unknown { idx: 9, .. }));
    assert_eq!(folded.fleet().idx(), 8);
    assert_eq!(bytes(folded.fleet(), gateway(0)), before);
}

#[test]
fn counts_the_revisions_that_a_gateway_lacks() {
    let folded = fold(&three_devices());
    let lag = |applied| folded.lag(gateway(0), applied).map(|lag| (lag.revisions, lag.since));
    assert_eq!(lag(8), None);
    assert_eq!(lag(7), Some((1, time(8))));
    assert_eq!(lag(1), Some((3, time(6))), "users and policies changed nothing yet");
    assert_eq!(lag(0), Some((4, time(1))));
    assert_eq!(folded.lag(gateway(1), 0), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Live (folded and rendered at each step) equals rebuilt (folded at once), and each payload
    /// is one that a node accepts.
    #[test]
    fn the_same_events_give_the_same_bytes(wishes in wishes(120)) {
        let events = history(&wishes);
        let mut live = Folded::default();
        let mut last = BTreeMap::new();
        for (idx, event) in (1..).zip(&events) {
            live.apply(idx, time(idx), Ok(event.clone())).unwrap();
            last = live.fleet().gateways().map(|(id, _)| (id, bytes(live.fleet(), id))).collect();
        }
        let rebuilt = fold(&events);
        let rebuilt: BTreeMap<_, _> =
            rebuilt.fleet().gateways().map(|(id, _)| (id, bytes(rebuilt.fleet(), id))).collect();
        prop_assert_eq!(last, rebuilt);
        for (id, _) in live.fleet().gateways() {
            prop_assert_eq!(validate(&payload(live.fleet(), id)), Ok(()));
        }
    }

    /// A gateway's revision rises with an event if and only if the event changes its bundle.
    #[test]
    fn the_revision_rises_exactly_with_the_bundle(wishes in wishes(120)) {
        let mut folded = Folded::default();
        let mut before = BTreeMap::new();
        for (idx, event) in (1..).zip(&history(&wishes)) {
            folded.apply(idx, time(idx), Ok(event.clone())).unwrap();
            let after = content(folded.fleet());
            for (id, gateway) in folded.fleet().gateways() {
                let changed = before.get(&id) != after.get(&id);
                prop_assert_eq!(changed, gateway.revision == idx, "{:?} at {}: {:?}", id, idx, event);
                prop_assert_eq!(gateway.revised_at, time(gateway.revision));
            }
            before = after;
        }
    }

    /// Whatever an event is thought to concern, every peer's access is what the evaluator says
    /// of it, and exactly the active devices are peers.
    #[test]
    fn peers_have_the_access_that_the_evaluator_says(wishes in wishes(120)) {
        let mut folded = Folded::default();
        for (idx, event) in (1..).zip(&history(&wishes)) {
            folded.apply(idx, time(idx), Ok(event.clone())).unwrap();
            let fleet = folded.fleet();
            for (id, _) in fleet.gateways() {
                for (device_id, device) in fleet.devices_of_gateway(id) {
                    let active = device.status() == DeviceStatus::Active;
                    prop_assert_eq!(device.peer().is_some(), active);
                    let Some(peer) = device.peer() else { continue };
                    let access = fleet.access(device_id).unwrap();
                    prop_assert_eq!(&**peer.compiled.profile(), &access.profile(), "{:?}", event);
                }
            }
        }
    }
}
