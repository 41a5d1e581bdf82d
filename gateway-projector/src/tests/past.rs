//! What is said about the past is what was said when it was the present.

use std::{collections::BTreeSet, sync::Arc};

use nexavpn_domain::{
    Event,
    access::{DecidedBy, Decision, Difference, Packet},
    fleet::{DeviceStatus, Fleet, Outlook, Witness},
    ids::{DeviceId, GatewayId, UserId},
};
use proptest::prelude::*;

use super::{
    histories::{device, history, time, wishes},
    outlooks::probes,
};
use crate::folded::{Folded, Image};

/// What is decided about a device.
#[derive(Debug, PartialEq)]
struct Said {
    gateway: Option<GatewayId>,
    status: Option<DeviceStatus>,
    decisions: Vec<Option<Decision>>,
}

fn devices() -> BTreeSet<DeviceId> {
    (0..5).map(device).collect()
}

fn by_fleet(fleet: &Fleet, id: DeviceId) -> Said {
    let state = fleet.device(id);
    let access = state.and_then(|state| state.peer()).and_then(|_| fleet.access(id));
    let decide = |packet: &Packet| access.as_ref().map(|access| access.decide(packet));
    Said {
        gateway: state.map(|state| state.gateway_id),
        status: state.map(|state| state.status()),
        decisions: probes().iter().map(decide).collect(),
    }
}

fn by_witness(witness: &Witness, id: DeviceId) -> Said {
    let known = witness.device(id);
    let access = witness.access(id);
    let decide = |packet: &Packet| access.as_ref().map(|access| access.decide(packet));
    Said {
        gateway: known.map(|(state, _)| state.gateway_id),
        status: known.map(|(_, status)| status),
        decisions: probes().iter().map(decide).collect(),
    }
}

/// As after a start: nothing is shared with another fleet.
fn restored(fleet: &Fleet) -> Fleet {
    let image = Folded::of(fleet.clone()).image();
    let text = serde_json::to_vec(&image).unwrap();
    serde_json::from_slice::<Image>(&text).unwrap().restore().into_fleet()
}

fn owners(events: &[Event]) -> BTreeSet<UserId> {
    events.iter().filter_map(Witness::owner_named).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    })]

    /// A witness that is told only what concerns its devices says after every event what the
    /// fleet says that has folded everything, wherever it began.
    #[test]
    fn a_witness_says_what_the_fleet_says(
        wishes in wishes(500), followed in 1usize..6, begin in 0usize..300,
    ) {
        let events = history(&wishes);
        let followed: BTreeSet<DeviceId> = devices().into_iter().take(followed).collect();
        let owners = owners(&events);
        let mut fleet = Fleet::default();
        let mut witnesses = vec![Witness::new(followed.clone())];
        for (idx, event) in (1..).zip(&events) {
            if usize::try_from(idx).unwrap() == begin {
                witnesses.push(Witness::of(&fleet, followed.clone()));
                let kept = Folded::of(fleet.clone()).image();
                witnesses.push(kept.into_facts().witness(followed.clone()));
            }
            fleet.apply(idx, time(idx), event);
            for witness in &mut witnesses {
                if Witness::concerns(event, &followed, &owners) {
                    witness.apply(idx, time(idx), event);
                }
                for id in &followed {
                    prop_assert_eq!(by_witness(witness, *id), by_fleet(&fleet, *id), "{:?}", event);
                }
            }
        }
    }

    /// The rule that an explanation shows as the first that matches is the one that decides, and
    /// everything before it says why it does not match.
    #[test]
    fn an_explanation_agrees_with_the_decision(wishes in wishes(150)) {
        let mut fleet = Fleet::default();
        for (idx, event) in (1..).zip(history(&wishes)) {
            fleet.apply(idx, time(idx), &event);
        }
        for id in devices() {
            let Some(access) = fleet.access(id) else { continue };
            for packet in probes() {
                let explained = access.explain(&packet);
                let by = explained.iter().find(|one| one.matched);
                let decision = access.decide(&packet);
                prop_assert_eq!(by.map_or(DecidedBy::Default, |one| one.rule), decision.by);
                prop_assert_eq!(by.is_some_and(|one| one.allows), decision.allowed);
                for one in explained {
                    prop_assert_eq!(one.mismatch.is_none(), one.matched);
                }
            }
        }
    }

    /// What is told of a span is the difference of what was said at its ends.
    #[test]
    fn a_span_is_the_difference_of_its_ends(
        wishes in wishes(150), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(),
    ) {
        let events = history(&wishes);
        let (from, to) = (from.index(events.len() + 1), to.index(events.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        let fleet_at = |n: usize| {
            let mut fleet = Fleet::default();
            for (idx, event) in (1..).zip(&events[..n]) {
                fleet.apply(idx, time(idx), event);
            }
            fleet
        };
        let (before, after) = (fleet_at(from), restored(&fleet_at(to)));
        let outlook = Outlook::between(Arc::new(before.clone()), Arc::new(after.clone()));
        for id in devices() {
            let (was, is) = (by_fleet(&before, id), by_fleet(&after, id));
            let Some(told) = outlook.devices.get(&id) else {
                prop_assert_eq!(was.status, is.status);
                for (was, is) in was.decisions.iter().zip(&is.decisions) {
                    prop_assert_eq!(was.map(|d| d.allowed), is.map(|d| d.allowed));
                }
                continue;
            };
            prop_assert_eq!(told.status().0, was.status);
            prop_assert_eq!(Some(told.status().1), is.status);
            let access = [told.access_before(), told.access_after()];
            let [first, second] = access.map(|compiled| compiled.map(|compiled| compiled.access()));
            let difference = Difference::between(first, second);
            for ((packet, was), is) in probes().iter().zip(&was.decisions).zip(&is.decisions) {
                // The gateway's answer to echo requests is no policy's to give or take.
                let echo = |d: &Decision| d.by == DecidedBy::BuiltInEcho;
                let passes = |d: &Option<Decision>| d.is_some_and(|d| d.allowed && !echo(&d));
                let gained = difference.gained.iter().any(|part| part.contains(packet));
                let lost = difference.lost.iter().any(|part| part.contains(packet));
                let (was, is) = (passes(was), passes(is));
                prop_assert_eq!((gained, lost), (is && !was, was && !is), "{:?}", packet);
            }
        }
    }
}
