//! The planned rotation of the node's own key: made, announced, in force,
//! forgotten; and never lost, whenever the agent is killed.

mod support;

use std::os::unix::fs::PermissionsExt;

use nexavpn_bundle::{KEY_ROTATION, NextKey, Payload};
use support::net::sh;
use support::{SERVER, World, open, read, wait_for};

/// A node that serves its clients, and the public half of its key.
fn served(clients: u8) -> (World, String) {
    let world = World::new(clients);
    world.join();
    world.start(&[]);
    world.server.echo(443);
    world.publish(&world.payload(10, &open()));
    world.connect_clients();
    for client in &world.clients {
        wait_for("the first packet", || client.namespace.reaches(SERVER, 443));
    }
    let key = key_in_force(&world);
    (world, key)
}

fn key_in_force(world: &World) -> String {
    sh("wg", &["show", &world.interface, "public-key"]).trim().to_owned()
}

/// A payload with this key in force, and a rotation under way or none.
fn keyed(world: &World, revision: i64, key: &str, rotation: Option<u32>) -> Payload {
    let mut payload = world.payload(revision, &open());
    payload.interface.public_key = Some(key.to_owned());
    payload.interface.key_rotation = rotation;
    payload
}

/// The key that the node announces for a rotation.
fn announced(world: &World, rotation: u32) -> String {
    let mut found = None;
    wait_for("the next key", || {
        let next = world.plane.last_report().and_then(|report| report.next_key);
        found = next
            .filter(|next| next.rotation == rotation)
            .map(|NextKey { public_key, .. }| public_key);
        found.is_some()
    });
    found.unwrap()
}

fn log(world: &World) -> String {
    String::from_utf8(read(&world.log())).unwrap()
}

fn keys_file(world: &World) -> serde_json::Value {
    serde_json::from_slice(&read(&world.state.path().join("keys.json"))).unwrap()
}

/// The client uses this key of the gateway from now on.
fn teach(world: &World, n: usize, old: &str, key: &str) {
    let (client, endpoint) = (&world.clients[n], format!("10.9.{n}.1:51820"));
    sh("wg", &["set", &client.interface, "peer", old, "remove"]);
    let peer = ["set", &client.interface, "peer", key, "endpoint", &endpoint];
    let rest = ["allowed-ips", "0.0.0.0/0,::/0", "persistent-keepalive", "1"];
    sh("wg", &[&peer[..], &rest[..]].concat());
}

#[test]
fn who_knows_the_next_key_goes_on_and_nobody_else() {
    let (world, old) = served(2);
    let [a, b] = [0, 1].map(|n| &world.clients[n].namespace);
    let report = world.plane.last_report().unwrap();
    assert_eq!((report.features, report.next_key), (vec![KEY_ROTATION.to_owned()], None));

    world.publish(&keyed(&world, 11, &old, Some(1)));
    let next = announced(&world, 1);
    assert_ne!(next, old);
    let file = world.state.path().join("keys.json");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let status = String::from_utf8(world.cli(&["status"]).stdout).unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (&status["public_key"], &status["next_public_key"]),
        (&old.clone().into(), &next.clone().into())
    );
    // It is the same one over restarts of any kind, and no other bundle asks for another.
    world.crash();
    world.start(&[]);
    world.publish(&keyed(&world, 12, &old, Some(1)));
    assert_eq!(announced(&world, 1), next);
    assert!(a.reaches(SERVER, 443) && b.reaches(SERVER, 443));
    assert_eq!(key_in_force(&world), old);

    world.publish(&keyed(&world, 13, &next, None));
    assert_eq!(key_in_force(&world), next);
    // WireGuard tells handshakes by the second: one of this second may have been with the old key.
    let second = chrono::Utc::now().timestamp();
    wait_for("another second", || chrono::Utc::now().timestamp() > second);
    teach(&world, 0, &old, &next);
    wait_for("the client with the new key", || a.reaches(SERVER, 443));
    assert!(!b.reaches(SERVER, 443), "the other one has the old key still");
    wait_for("the old key to go", || keys_file(&world)["old"].is_null());
    assert_eq!(world.plane.last_report().unwrap().next_key, None);
    teach(&world, 1, &old, &next);
    wait_for("the other client", || b.reaches(SERVER, 443));

    // Nothing else of the node has changed, and what is broken is repaired to the new key.
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), world.clients[0].key.expose()).unwrap();
    sh("wg", &["set", &world.interface, "private-key", &path.path().to_string_lossy()]);
    wait_for("the repair", || key_in_force(&world) == next);
    let output = world.cli(&["doctor"]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("FAILURE  state"), "{output:?}");
    for key in [read(&world.state.path().join("private.key")), read(&file)] {
        let key = String::from_utf8(key).unwrap();
        assert!(!log(&world).contains(key.trim()), "a key in the log");
    }
    world.stop();
    assert!(world.cli(&["leave"]).status.success());
    assert!(!file.exists() && !world.state.path().join("private.key").exists());
}

#[test]
fn a_rotation_that_is_called_off_leaves_nothing() {
    let (world, old) = served(1);
    world.publish(&keyed(&world, 11, &old, Some(1)));
    let first = announced(&world, 1);
    world.publish(&keyed(&world, 12, &old, None));
    assert!(keys_file(&world)["next"].is_null());
    wait_for("a report without it", || {
        world.plane.last_report().is_some_and(|report| report.next_key.is_none())
    });
    // The next rotation is another one, also where its beginning was not seen.
    world.publish(&keyed(&world, 13, &old, Some(2)));
    let second = announced(&world, 2);
    world.publish(&keyed(&world, 14, &old, Some(3)));
    let third = announced(&world, 3);
    assert!(first != second && second != third && first != third);
    assert_eq!(key_in_force(&world), old);
    assert!(world.clients[0].namespace.reaches(SERVER, 443));
}

#[test]
fn a_bundle_that_names_somebody_elses_key_is_refused() {
    let (world, old) = served(1);
    let stranger = world.clients[0].key.public_key();
    world.plane.publish(&world.signing, &keyed(&world, 11, &stranger, None));
    let mut rejected = None;
    wait_for("the refusal", || {
        rejected = world.plane.last_report().and_then(|report| report.rejected);
        rejected.is_some()
    });
    let rejected = rejected.unwrap();
    assert_eq!(
        (rejected.reason_code.as_str(), rejected.revision),
        ("unknown_gateway_key", Some(11))
    );
    assert_eq!(key_in_force(&world), old);
    assert!(world.clients[0].namespace.reaches(SERVER, 443));
    world.publish(&keyed(&world, 12, &old, None));
}

/// The control plane was restored to a moment before the switch: its profiles have the old key.
#[test]
fn the_key_before_comes_back_where_nobody_has_used_the_new_one() {
    let (world, old) = served(1);
    world.publish(&keyed(&world, 11, &old, Some(1)));
    let next = announced(&world, 1);
    world.publish(&keyed(&world, 12, &next, None));
    assert_eq!(key_in_force(&world), next);
    let mut restored = keyed(&world, 11, &old, Some(1));
    restored.epoch += 1;
    world.publish(&restored);
    assert_eq!(key_in_force(&world), old);
    wait_for("the client", || world.clients[0].namespace.reaches(SERVER, 443));
    let mut switched = keyed(&world, 13, &next, None);
    switched.epoch += 1;
    world.crash();
    world.start(&[]);
    world.publish(&switched);
    assert_eq!(key_in_force(&world), next);
}

#[test]
fn an_agent_that_is_killed_at_any_time_has_every_key_that_it_announced() {
    let (world, mut key) = served(1);
    let mut revision = 10;
    for rotation in 1..=12_u32 {
        let pause = std::time::Duration::from_millis(u64::from(rotation) * 11);
        revision += 1;
        world.plane.publish(&world.signing, &keyed(&world, revision, &key, Some(rotation)));
        std::thread::sleep(pause);
        world.crash();
        world.start(&[]);
        let next = announced(&world, rotation);
        revision += 1;
        let switched = keyed(&world, revision, &next, None);
        world.plane.publish(&world.signing, &switched);
        std::thread::sleep(pause);
        world.crash();
        world.start(&[]);
        world.applied(revision);
        assert_eq!(key_in_force(&world), next);
        key = next;
    }
    assert!(!log(&world).contains("unknown_gateway_key"), "{}", log(&world));
    let public = std::fs::read_to_string(world.state.path().join("private.key")).unwrap();
    let public = nexavpn_gateway::state::PrivateKey::parse(&public).unwrap().public_key();
    assert_eq!(public, key);
}
