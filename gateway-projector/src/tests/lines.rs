//! Bundles that are rendered from what events touched, and the deltas between them, beside the
//! same bundles from scratch.

use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_dalek::{SigningKey, VerifyingKey};
use nexavpn_bundle::{
    Contents, FORMAT, Frame, Input, Interface, Nat, VerifiedBundle, is_delta, sign_contents,
    verify, verify_delta,
};
use nexavpn_domain::{Event, device::DeviceEvent, gateway::GatewayEvent, ids::GatewayId};
use proptest::prelude::*;

use super::{
    histories::{
        device, enrolled, gateway, gateway_fields, history, pool, time, user, user_created, wishes,
    },
    rendering::bytes,
};
use crate::{Blueprint, folded::Folded, line::Line, profiles::Profiles};

const EPOCH: i64 = 1_795_219_200;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn trusted() -> [VerifyingKey; 1] {
    [key().verifying_key()]
}

/// What is published of one gateway, and a node that fetched each bundle that it was given.
#[derive(Default)]
struct Gateway {
    line: Line,
    nodes: Vec<VerifiedBundle>,
}

impl Gateway {
    /// Renders what is due as the publisher does.
    fn publish(
        &mut self,
        folded: &mut Folded,
        id: GatewayId,
        profiles: &Profiles,
    ) -> Arc<Contents> {
        let before = self.line.contents(EPOCH);
        let touched = folded.take_touched(id).filter(|_| before.is_some());
        let blueprint = match touched {
            Some(touched) => Blueprint::of_touched(folded.fleet(), id, touched),
            None => Blueprint::of(folded.fleet(), id),
        };
        let rendered = blueprint.unwrap().render(EPOCH, before.as_deref(), profiles).unwrap();
        let signed = sign_contents(&rendered.contents, &key());
        let contents = Arc::new(rendered.contents);
        self.line.go_on(Arc::clone(&contents), rendered.change.as_ref(), &signed);

        let full = verify(&signed.body(), &trusted()).unwrap();
        for node in &self.nodes {
            let body = self.line.body_since(node.payload.revision).unwrap().unwrap();
            assert!(is_delta(&body));
            // Byte for byte; the order in which arrays were written is no content.
            let led = verify_delta(&body, node, &trusted()).unwrap();
            assert!(led.bytes == full.bytes, "{:?} and {:?}", led.payload, full.payload);
        }
        self.nodes.push(full);
        contents
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_events_touched_is_all_that_is_another(
        wishes in wishes(120), published in proptest::collection::vec(any::<bool>(), 120),
    ) {
        let mut folded = Folded::default();
        let profiles = Profiles::default();
        let mut gateways: BTreeMap<GatewayId, Gateway> = BTreeMap::new();
        for ((idx, event), published) in (1..).zip(history(&wishes)).zip(published) {
            let changes = folded.apply(idx, time(idx), Ok(event)).unwrap();
            gateways.retain(|id, _| folded.fleet().gateway(*id).is_some());
            let all: Vec<GatewayId> = folded.fleet().gateways().map(|(id, _)| id).collect();
            for id in all {
                // Some revisions are skipped, as where nobody asks.
                let gateway = gateways.entry(id).or_default();
                if !published || (gateway.line.contents(EPOCH).is_some()
                    && gateway.line.contents(EPOCH).unwrap().frame().revision
                        == folded.fleet().gateway(id).unwrap().revision)
                {
                    continue;
                }
                let contents = gateway.publish(&mut folded, id, &profiles);
                let same = contents.bytes() == bytes(folded.fleet(), id);
                prop_assert!(same, "{:?} after {:?}", contents.payload(), changes);
            }
        }
    }
}

#[test]
fn a_device_that_moves_is_taken_off_one_line_and_put_on_the_other() {
    let (from, to) = (gateway(0), gateway(1));
    let addresses = pool(1).addresses(77).unwrap();
    let moved = DeviceEvent::GatewayChanged { gateway_id: to, slot: 77, addresses };
    let created = |n| GatewayEvent::Created { fields: gateway_fields(n, vec![]) };
    let mut folded = Folded::default();
    let profiles = Profiles::default();
    let (mut one, mut other) = (Gateway::default(), Gateway::default());
    let ids = |contents: &Contents| -> Vec<String> {
        contents.payload().devices.iter().map(|device| device.id.clone()).collect()
    };
    let tell = |folded: &mut Folded, event| {
        let idx = folded.fleet().idx() + 1;
        folded.apply(idx, time(idx), Ok(event)).unwrap()
    };
    for event in [
        Event::User(user(0), user_created()),
        Event::Gateway(from, created(0)),
        Event::Gateway(to, created(1)),
        Event::Device(device(0), enrolled(0, 1, user(0), 0)),
        Event::Device(device(1), enrolled(1, 2, user(0), 0)),
    ] {
        tell(&mut folded, event);
    }
    let before = one.publish(&mut folded, from, &profiles);
    assert_eq!(ids(&before), [device(0).to_string(), device(1).to_string()]);
    assert_eq!(ids(&other.publish(&mut folded, to, &profiles)), Vec::<String>::new());

    let changes = tell(&mut folded, Event::Device(device(0), moved));
    assert_eq!(changes.gateways, [from, to].into());
    let (left, come) =
        (one.publish(&mut folded, from, &profiles), other.publish(&mut folded, to, &profiles));
    assert_eq!(
        (ids(&left), ids(&come)),
        (vec![device(1).to_string()], vec![device(0).to_string()])
    );
    assert!(come.payload().devices[0].ips.contains(&"8.97.0.77/32".to_owned()));
    for (contents, id) in [(left, from), (come, to)] {
        assert_eq!(contents.bytes(), bytes(folded.fleet(), id));
    }
    // Nodes that fetched the bundles before were led to these: `publish` has applied the deltas.
    assert_eq!((one.nodes.len(), other.nodes.len()), (2, 2));
}

#[test]
fn a_line_forgets_its_beginning_and_nothing_of_its_end() {
    let signed = |contents: &Contents| sign_contents(contents, &key());
    let frame = |revision: i64| Frame {
        format: FORMAT,
        gateway_id: "3f1c8a52-0000-4000-8000-0123456789ab".into(),
        epoch: EPOCH,
        revision,
        issued_at: "2026-11-21T02:30:00.000000Z".into(),
        max_stale_s: None,
        interface: Interface {
            name: "wg0".into(),
            listen_port: 51820,
            mtu: 1420,
            addresses: vec![],
            public_key: None,
            key_rotation: None,
        },
        input: Input { dns: true, icmp_echo: true },
        nat: Nat::default(),
    };
    let mut line = Line::default();
    for revision in 1..=1_000 {
        let contents = Contents::empty(frame(revision)).unwrap();
        let change = <nexavpn_bundle::Change>::default();
        let sealed = signed(&contents);
        line.go_on(Arc::new(contents), Some(&change), &sealed);
    }
    assert!(line.since(1_000).is_none(), "the newest one");
    assert!(line.since(999).is_some());
    assert!(line.since(1_000 - 256).is_some());
    assert!(line.since(1_000 - 257).is_none());
    // Where everything was rendered anew, nobody knows what led there.
    let contents = Contents::empty(frame(1_001)).unwrap();
    let sealed = signed(&contents);
    line.go_on(Arc::new(contents), None::<&nexavpn_bundle::Change>, &sealed);
    assert!(line.since(1_000).is_none());
}
