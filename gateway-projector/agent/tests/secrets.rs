//! Preshared keys: fetched apart from the bundle, checked, kept; without its
//! key a peer is not set up.

mod support;

use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nexavpn_bundle::{Payload, psk_ref};
use support::net::sh;
use support::{SERVER, World, open, read, wait_for};

/// The preshared keys as WireGuard has them, by public key; none without a tunnel.
fn keys(world: &World) -> Vec<(String, String)> {
    let mut show = std::process::Command::new("wg");
    let output = show.args(["show", &world.interface, "preshared-keys"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines.map(|(peer, key)| (peer.to_owned(), key.to_owned())).collect()
}

fn key_of(world: &World, client: usize) -> Option<String> {
    let public = world.clients[client].key.public_key();
    keys(world).into_iter().find_map(|(peer, key)| (peer == public).then_some(key))
}

fn with_key(mut payload: Payload, key: [u8; 32]) -> Payload {
    payload.devices[0].psk_ref = Some(psk_ref(&key));
    payload
}

/// What the control plane answers: some key under the reference of another.
fn offer(world: &World, of: [u8; 32], key: [u8; 32]) {
    world.plane.with(|shared| {
        shared.secrets.secrets.insert(psk_ref(&of), STANDARD.encode(key));
    });
}

fn asked(world: &World) -> usize {
    world.plane.with(|shared| shared.asked_for_secrets)
}

#[test]
fn a_peer_waits_for_its_key_and_has_it_from_then_on() {
    let world = World::new(2);
    world.join();
    world.start(&[]);
    world.server.echo(443);
    let (first, second) = (rand::random::<[u8; 32]>(), rand::random::<[u8; 32]>());

    // Missing, then wrong: the peer is not set up, and the question repeated.
    world.publish(&with_key(world.payload(1, &open()), first));
    wait_for("a few questions", || asked(&world) >= 3);
    assert_eq!(keys(&world), [(world.clients[1].key.public_key(), "(none)".to_owned())]);
    offer(&world, first, second);
    let before = asked(&world);
    wait_for("more questions", || asked(&world) >= before + 2);
    assert_eq!(key_of(&world, 0), None);
    let log = || String::from_utf8(read(&world.log())).unwrap();
    assert_eq!(log().matches("lacks preshared keys").count(), 1);

    // The right one.
    offer(&world, first, first);
    wait_for("the peer", || key_of(&world, 0) == Some(STANDARD.encode(first)));
    assert_eq!(key_of(&world, 1).as_deref(), Some("(none)"));
    let file = world.state.path().join("secrets.json");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    wait_for("the end of the trouble", || log().contains("all preshared keys are here"));
    let settled = asked(&world);

    // It is the key that counts: without it there is no handshake.
    world.connect_clients();
    wait_for("the client without a key", || world.clients[1].namespace.reaches(SERVER, 443));
    assert!(!world.clients[0].namespace.reaches(SERVER, 443));
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), STANDARD.encode(first)).unwrap();
    let gateway = sh("wg", &["show", &world.interface, "public-key"]);
    let path = path.path().to_string_lossy().into_owned();
    let client = &world.clients[0];
    sh("wg", &["set", &client.interface, "peer", gateway.trim(), "preshared-key", &path]);
    wait_for("the client with its key", || client.namespace.reaches(SERVER, 443));

    // What somebody else changes is repaired.
    let public = client.key.public_key();
    sh("wg", &["set", &world.interface, "peer", &public, "preshared-key", "/dev/null"]);
    wait_for("the repair", || key_of(&world, 0) == Some(STANDARD.encode(first)));
    assert_eq!(asked(&world), settled, "nobody asks for what is here");

    // Over a restart without the control plane.
    world.plane.with(|shared| shared.down = true);
    world.stop();
    world.start(&[]);
    wait_for("the peer", || key_of(&world, 0) == Some(STANDARD.encode(first)));
    world.plane.with(|shared| shared.down = false);

    // Rotation, and the end of preshared keys.
    offer(&world, second, second);
    world.publish(&with_key(world.payload(2, &open()), second));
    wait_for("the new key", || key_of(&world, 0) == Some(STANDARD.encode(second)));
    let kept = String::from_utf8(read(&file)).unwrap();
    assert!(!kept.contains(&psk_ref(&first)), "the old one is forgotten");
    world.publish(&world.payload(3, &open()));
    assert_eq!(key_of(&world, 0).as_deref(), Some("(none)"));

    let log = log();
    for key in [first, second] {
        assert!(!log.contains(&STANDARD.encode(key)), "a key in the log");
    }
    world.stop();
    assert!(world.cli(&["leave"]).status.success());
    assert!(!file.exists());
}

#[test]
fn keys_on_disk_that_do_not_fit_are_not_used() {
    let world = World::new(1);
    world.join();
    world.start(&[]);
    let (key, other) = (rand::random::<[u8; 32]>(), rand::random::<[u8; 32]>());
    offer(&world, key, key);
    world.publish(&with_key(world.payload(1, &open()), key));
    wait_for("the peer", || key_of(&world, 0) == Some(STANDARD.encode(key)));
    world.crash();
    world.plane.with(|shared| shared.down = true);
    let file = world.state.path().join("secrets.json");
    let text = String::from_utf8(read(&file)).unwrap();
    let damages = [text.replace(&STANDARD.encode(key), &STANDARD.encode(other)), "{".to_owned()];
    for damaged in damages {
        std::fs::write(&file, damaged).unwrap();
        world.start(&[]);
        wait_for("the peer to go", || world.peers().is_empty());
        world.crash();
    }
    world.plane.with(|shared| shared.down = false);
    world.start(&[]);
    wait_for("the peer", || key_of(&world, 0) == Some(STANDARD.encode(key)));
}
