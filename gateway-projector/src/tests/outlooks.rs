//! What a change is said to do is what it does.

use std::collections::BTreeSet;

use nexavpn_domain::{
    Event,
    access::{Difference, Packet},
    fleet::{DeviceState, Fleet, Outlook},
    ids::{DeviceId, GatewayId},
    values::Protocol,
};
use proptest::prelude::*;

use super::{
    histories::{history, time, wishes},
    rendering::bytes,
};
use crate::folded::Folded;

/// All of a device that anybody is told.
fn told(device: &DeviceState) -> impl PartialEq + std::fmt::Debug + use<> {
    (device.status(), device.profile_revision, device.peer().cloned())
}

fn devices(fleet: &Fleet) -> BTreeSet<DeviceId> {
    (0..5).map(super::histories::device).filter(|id| fleet.device(*id).is_some()).collect()
}

pub(super) fn probes() -> Vec<Packet> {
    let hosts =
        ["10.1.0.1", "10.1.2.1", "10.1.2.3", "10.1.3.1", "9.9.9.9", "8.97.0.9", "100.96.0.1"];
    let hosts = hosts.iter().chain(&["10.1.2.53", "fd00:1::1", "fd00:2::1", "2606:4700::1"]);
    let services = [(6, 443), (6, 53), (17, 53), (17, 55), (1, 0)];
    let packet = |ip: &&str, (number, port): (u8, u16)| Packet {
        dst: ip.parse().unwrap(),
        protocol: Protocol(number),
        port: Protocol(number).has_ports().then_some(port),
    };
    hosts.flat_map(|ip| services.map(|service| packet(ip, service))).collect()
}

fn reaches(device: Option<&DeviceState>, packet: &Packet) -> bool {
    let peer = device.and_then(DeviceState::peer);
    peer.is_some_and(|peer| peer.compiled.profile().contains(packet))
}

/// Compares what was foretold of some events with what came of them.
fn check(
    before: &Fleet,
    future: &[Event],
    outlook: &Outlook,
    after: &Fleet,
) -> Result<(), TestCaseError> {
    for id in devices(after) {
        let (was, is) = (before.device(id), after.device(id).unwrap());
        let foretold = outlook.devices.get(&id);
        if was.map(told) != Some(told(is)) {
            prop_assert!(foretold.is_some(), "{}: {:?}", id, future);
        }
        let Some(foretold) = foretold else { continue };
        prop_assert_eq!(foretold.before.as_ref().map(told), was.map(told));
        prop_assert_eq!(told(&foretold.after), told(is), "{:?}", future);
        let access = [foretold.access_before(), foretold.access_after()];
        let [from, to] = access.map(|compiled| compiled.map(|compiled| compiled.access()));
        let difference = Difference::between(from, to);
        for packet in probes() {
            let (was, is) = (reaches(was, &packet), reaches(Some(is), &packet));
            let gained = difference.gained.iter().any(|part| part.contains(&packet));
            let lost = difference.lost.iter().any(|part| part.contains(&packet));
            prop_assert_eq!((gained, lost), (is && !was, was && !is), "{:?}", packet);
        }
    }
    let other =
        |id: &GatewayId| before.gateway(*id).is_none() || bytes(before, *id) != bytes(after, *id);
    let revised: BTreeSet<GatewayId> = after.gateways().map(|(id, _)| id).filter(other).collect();
    let foretold: BTreeSet<GatewayId> = outlook.gateways.keys().copied().collect();
    prop_assert_eq!(foretold, revised, "{:?}", future);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    })]

    /// At every point of a history, for the events that come next and for what the clock does
    /// after them.
    #[test]
    fn the_outlook_comes_true(wishes in wishes(200), ahead in 1usize..4) {
        let events = history(&wishes);
        let mut folded = Folded::default();
        for at in 0..events.len() {
            let future = &events[at..events.len().min(at + ahead)];
            let now = folded.fleet().idx();
            let outlook = Outlook::of(folded.fleet(), future, time(now));
            let mut after = folded.fleet().clone();
            for (idx, event) in (now + 1..).zip(future) {
                after.apply(idx, time(idx), event);
            }
            check(folded.fleet(), future, &outlook, &after)?;
            for then in outlook.later() {
                let before = after.clone();
                for event in &then.events {
                    after.apply(after.idx() + 1, then.at, event);
                }
                check(&before, &then.events, &then.outlook, &after)?;
            }
            for limit in 0..40 {
                let exceeded = outlook.oversized(limit).is_some();
                let told = folded.fleet().could_exceed(future, limit);
                prop_assert!(told || !exceeded, "{}: {:?}", limit, future);
            }
            folded.apply(now + 1, time(now + 1), Ok(events[at].clone())).unwrap();
        }
    }
}
