//! What a node must not believe leaves everything as it was.

mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use nexavpn_bundle::{Rejected, key_id, sign};
use nexavpn_gateway::state::PrivateKey;
use support::net::answers;
use support::{GATEWAY, SERVER, World, open, read, wait_for};

fn rejected(world: &World) -> Option<Rejected> {
    world.plane.last_report().and_then(|report| report.rejected)
}

#[test]
fn a_bundle_that_must_not_be_believed_changes_nothing() {
    let world = World::new(1);
    world.join();
    world.start(&[]);
    world.server.echo(443);
    let held = world.payload(10, &open());
    world.publish(&held);
    world.connect_clients();
    let client = &world.clients[0].namespace;
    wait_for("the first packet", || client.reaches(SERVER, 443));
    let mut stream = client.connect(SERVER, 443).unwrap();
    assert!(answers(&mut stream));
    let bundle = world.state.path().join("bundle.json");
    let before = (world.ruleset(), world.peers(), read(&bundle));

    // Each of these would revoke the client, were it believed.
    let empty = world.payload_of(11, &[]);
    let good = sign(&empty, &world.signing).unwrap();
    let mut flipped = good.body();
    let text = String::from_utf8(flipped.clone()).unwrap();
    flipped[text.find("\"mtu\":1380").unwrap() + 9] ^= 1;
    let mut bad_signature = good.clone();
    bad_signature.signature = sign(&held, &world.signing).unwrap().signature;
    let older = sign(&world.payload_of(9, &[]), &world.signing).unwrap();
    let mut earlier_epoch = world.payload_of(99, &[]);
    earlier_epoch.epoch = 6;
    let earlier_epoch = sign(&earlier_epoch, &world.signing).unwrap();
    let conflict = sign(&world.payload_of(10, &[]), &world.signing).unwrap();
    let mut foreign = empty.clone();
    foreign.gateway_id = GATEWAY.replace('3', "4");
    let foreign = sign(&foreign, &world.signing).unwrap();
    let stranger = SigningKey::from_bytes(&[5; 32]);
    let other_key = sign(&empty, &stranger).unwrap();
    let mut broken = empty.clone();
    broken.interface.name = "wg0; reboot".into();
    let broken = sign(&broken, &world.signing).unwrap();

    let cases = [
        ("a flipped bit", flipped, "bad_hash", None),
        ("another signature", bad_signature.body(), "bad_signature", None),
        ("an older revision", older.body(), "rolled_back", Some(9)),
        ("an older epoch", earlier_epoch.body(), "rolled_back", Some(99)),
        ("another content", conflict.body(), "conflict", Some(10)),
        ("another gateway", foreign.body(), "wrong_gateway", None),
        ("another key", other_key.body(), "unknown_key", None),
        ("a signed mistake", broken.body(), "invalid", None),
        ("no bundle at all", b"<html>".to_vec(), "malformed", None),
    ];
    for (what, body, code, revision) in cases {
        world.plane.serve(body, format!("\"{what}\""));
        // With the revision: a report of the case before may still arrive.
        wait_for(what, || {
            let report = rejected(&world);
            report.is_some_and(|report| report.reason_code == code && report.revision == revision)
        });
        assert_eq!(world.plane.last_report().unwrap().applied.unwrap().revision, 10, "{what}");
        let after = (world.ruleset(), world.peers(), read(&bundle));
        assert_eq!(after, before, "{what}");
        assert!(!world.state.path().join("next.json").exists(), "{what}");
        assert!(answers(&mut stream), "{what}");
    }

    // The next good one is taken, and the refusal is forgotten.
    world.publish(&empty);
    assert!(!answers(&mut stream));
    assert_eq!(rejected(&world), None);
    assert_eq!(key_id(&world.signing.verifying_key()), good.key_id);
}

#[test]
fn a_tampered_bundle_on_disk_denies_everything() {
    let world = World::new(1);
    world.join();
    world.start(&[]);
    world.publish(&world.payload(10, &open()));
    world.plane.with(|shared| shared.down = true);
    world.crash();
    let path = world.state.path().join("bundle.json");
    let text = String::from_utf8(read(&path)).unwrap();
    std::fs::write(&path, text.replace("172.16.10.255", "172.16.10.254")).unwrap();
    world.start(&[]);
    wait_for("the maps to be emptied", || !world.ruleset().contains(" : goto p_"));
    let log = String::from_utf8(read(&world.log())).unwrap();
    assert!(log.contains("bad_hash"), "{log}");
}

#[test]
fn joining_keeps_secrets_and_refuses_impostors() {
    let world = World::new(0);
    let token = world.token().expose();

    // Plain HTTP to another machine.
    let output = world.cli(&["join", "http://192.0.2.1:9", &token]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--insecure"));

    // Somebody else's signing key beside, or instead of, the right one.
    let stranger = STANDARD.encode(SigningKey::from_bytes(&[5; 32]).verifying_key().as_bytes());
    let right =
        world.plane.with(|shared| std::mem::replace(&mut shared.join_keys, vec![stranger.clone()]));
    let output = world.cli(&["join", &world.plane.url, &token]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("signing key"), "{output:?}");
    assert!(!world.cli(&["status"]).status.success());
    world.plane.with(|shared| {
        shared.joined = None;
        shared.join_keys = vec![stranger.clone(), right[0].clone()];
    });

    let given = PrivateKey::generate();
    let key_file = world.state.path().join("given.key");
    std::fs::write(&key_file, given.expose()).unwrap();
    let key_file = key_file.to_string_lossy().into_owned();
    // Without the token among the arguments it is read from the standard input.
    let mut join = world.command(&["join", &world.plane.url, "--private-key-file", &key_file]);
    let mut join = join.stdin(Stdio::piped()).spawn().unwrap();
    join.stdin.take().unwrap().write_all(format!("{token}\n").as_bytes()).unwrap();
    assert!(join.wait().unwrap().success());
    let request = world.plane.with(|shared| shared.joined.clone()).unwrap();
    assert_eq!(request.public_key, given.public_key());

    let directory = world.state.path();
    for name in ["private.key", "credential", "gateway.json"] {
        let mode = directory.join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let identity: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&read(&directory.join("gateway.json"))).unwrap();
    assert_eq!(identity["signing_keys"], serde_json::json!(right), "only the key of the token");

    let again = world.cli(&["join", &world.plane.url, &token]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("leave"), "{again:?}");
    let status = world.cli(&["status"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["name"], "primary-gateway");
    assert_eq!((&status["running"], &status["applied"]), (&false.into(), &serde_json::Value::Null));
}
