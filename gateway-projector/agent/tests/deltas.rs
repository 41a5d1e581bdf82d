//! What leads from one bundle to the next, and from one signing key to the next.

mod support;

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::SigningKey;
use nexavpn_bundle::{ChainedKey, Payload, SigningKeyChain, key_id, sign, sign_key};
use support::{SERVER, World, open, read, tcp_ports, wait_for};

fn served() -> World {
    let world = World::new(2);
    world.join();
    world.start(&[]);
    world.server.echo(443);
    world.publish(&world.payload_of(10, &[(0, &open())]));
    world.connect_clients();
    wait_for("the first packet", || world.clients[0].namespace.reaches(SERVER, 443));
    world
}

/// Serves a payload with what leads there.
fn publish(world: &World, to: &Payload, deltas: &[(i64, Vec<u8>)]) {
    let signed = sign(to, &world.signing).unwrap();
    world.plane.with(|shared| {
        shared.deltas = deltas.iter().cloned().collect();
        shared.body = Some(signed.body());
        shared.etag = signed.etag();
        shared.reports.clear();
    });
}

fn counts(world: &World) -> (usize, usize) {
    world.plane.with(|shared| (shared.bundles_served, shared.deltas_served))
}

#[test]
fn a_delta_is_applied_at_once_and_stands_by_itself_after_a_restart() {
    let world = served();
    let web = tcp_ports(&["443-443"]);
    let from = world.payload_of(10, &[(0, &open())]);
    let to = world.payload_of(11, &[(0, &open()), (1, &web)]);
    let (bundles, deltas) = counts(&world);
    let begin = Instant::now();
    publish(&world, &to, &[(10, world.delta(&from, &to))]);
    world.applied(11);
    // The question was held: no pause between two questions has passed.
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert_eq!(counts(&world), (bundles, deltas + 1));
    assert_eq!(world.peers().len(), 2);
    wait_for("the new device", || world.clients[1].namespace.reaches(SERVER, 443));
    assert_eq!(
        read(&world.state.path().join("bundle.json")),
        sign(&to, &world.signing).unwrap().body(),
        "the whole of it is kept"
    );

    let before = (world.ruleset(), world.peers());
    world.crash();
    world.plane.with(|shared| shared.down = true);
    world.start(&[]);
    wait_for("the same to be in force", || (world.ruleset(), world.peers()) == before);
}

#[test]
fn a_delta_that_is_of_no_use_makes_the_agent_ask_for_the_whole() {
    let world = served();
    let from = world.payload_of(10, &[(0, &open())]);
    let other = world.payload_of(10, &[(0, &tcp_ports(&["1-1"]))]);
    let web = tcp_ports(&["443-443"]);
    let mut revision = 10;
    let mut held = from;
    for broken in 0..3 {
        revision += 1;
        let to = world.payload_of(revision, &[(0, &open()), (1, &web)]);
        let right = world.delta(&held, &to);
        let text = String::from_utf8(right.clone()).unwrap();
        let wrong = match broken {
            // From another bundle, cut off, and with another content.
            0 => world.delta(&other, &to),
            1 => right[..right.len() / 2].to_vec(),
            _ => text.replace("\"icmp_echo\":true", "\"icmp_echo\":false").into_bytes(),
        };
        assert_ne!(wrong, right);
        let (bundles, deltas) = counts(&world);
        publish(&world, &to, &[(revision - 1, wrong)]);
        world.applied(revision);
        assert_eq!(counts(&world), (bundles + 1, deltas + 1), "{broken}");
        let report = world.plane.last_report().unwrap();
        assert_eq!(report.rejected, None, "the whole was right");
        held = to;
    }
}

#[test]
fn the_next_signing_key_is_trusted_where_the_one_before_has_signed_it() {
    let mut world = served();
    let first = world.signing.clone();
    let chained = |key: &SigningKey, signer: Option<&SigningKey>| ChainedKey {
        key_id: key_id(&key.verifying_key()),
        public_key: STANDARD.encode(key.verifying_key().as_bytes()),
        signed_by_previous: signer.map(|signer| sign_key(&key.verifying_key(), signer)),
    };
    let (next, thief) = (SigningKey::from_bytes(&[61; 32]), SigningKey::from_bytes(&[62; 32]));
    let chain = |key: &SigningKey, signer: &SigningKey| SigningKeyChain {
        keys: vec![chained(&first, None), chained(key, Some(signer))],
    };

    world.plane.with(|shared| shared.chain = chain(&thief, &thief));
    world.plane.publish(&thief, &world.payload_of(11, &[(0, &open()), (1, &open())]));
    wait_for("the refusal", || {
        let report = world.plane.last_report();
        report.and_then(|r| r.rejected).is_some_and(|r| r.reason_code == "unknown_key")
    });
    assert_eq!(world.peers().len(), 1);

    world.plane.with(|shared| shared.chain = chain(&next, &first));
    world.signing = next;
    world.plane.publish(&world.signing, &world.payload_of(12, &[(0, &open()), (1, &open())]));
    world.applied(12);
    assert_eq!(world.peers().len(), 2);

    // It is remembered: the bundle on disk is the new key's.
    let before = (world.ruleset(), world.peers());
    world.crash();
    world.plane.with(|shared| shared.down = true);
    world.start(&[]);
    wait_for("the same to be in force", || (world.ruleset(), world.peers()) == before);
}
