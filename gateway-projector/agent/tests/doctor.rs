//! `doctor` on nodes that are as they should be, and on others.

mod support;

use std::collections::BTreeMap;

use support::net::Namespace;
use support::{World, open, wait_for};

type Found = BTreeMap<String, Vec<(String, String)>>;

/// What the doctor says, by the name of the check, and whether it exits with success.
fn doctor(world: &World, extra: &[&str]) -> (Found, bool) {
    let args = [&["doctor", "--json", "--tunnel", "userspace"], extra].concat();
    let output = world.cli(&args);
    let parsed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut found = Found::new();
    for check in parsed["checks"].as_array().unwrap() {
        let text = |key: &str| check[key].as_str().unwrap().to_owned();
        let said = (text("verdict"), format!("{}; {}", text("found"), text("advice")));
        assert_eq!(text("verdict") == "ok", text("advice").is_empty(), "{check}");
        found.entry(text("name")).or_default().push(said);
    }
    let failed = found.values().flatten().any(|(verdict, _)| verdict == "failure");
    assert_eq!(output.status.code(), Some(i32::from(failed)), "{found:?}");
    (found, !failed)
}

fn verdict<'a>(found: &'a Found, name: &str) -> &'a str {
    &found[name][0].0
}

fn uplink(gateway: &Namespace, mtu: &str) {
    gateway.ip(&["link", "set", "eth1", "mtu", mtu]);
    gateway.ip(&["route", "replace", "default", "via", "172.16.10.2"]);
}

#[test]
fn before_and_after_a_join() {
    let world = World::new(0);
    uplink(&world.gateway, "1500");
    std::fs::remove_dir(world.state.path()).unwrap();
    let (found, healthy) = doctor(&world, &[]);
    assert!(healthy, "{found:?}");
    assert_eq!(verdict(&found, "state"), "warning");
    for name in ["privileges", "nft", "wireguard", "ip", "mtu", "interface", "tables", "port"] {
        assert_eq!(verdict(&found, name), "ok", "{name}: {found:?}");
    }
    assert!(!world.state.path().exists(), "it makes nothing");

    world.join();
    world.start(&[]);
    world.publish(&world.payload(1, &open()));
    let (found, healthy) = doctor(&world, &[]);
    assert!(healthy, "{found:?}");
    for name in ["state", "agent", "control_plane", "clock", "ip_forward", "ip6_forward", "port"] {
        assert_eq!(verdict(&found, name), "ok", "{name}: {found:?}");
    }
    assert!(found["state"][0].1.contains("primary-gateway, bundle 7.1"), "{found:?}");

    // For people: one line each, and no secret.
    let output = world.cli(&["doctor", "--tunnel", "userspace"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), found.values().flatten().count());
    assert!(!text.contains(support::plane::CREDENTIAL));

    world.stop();
    assert_eq!(verdict(&doctor(&world, &[]).0, "agent"), "warning");
}

#[test]
fn what_is_wrong_is_named() {
    let world = World::new(0);
    world.join();
    world.start(&[]);
    world.publish(&world.payload(1, &open()));

    // The way out is too narrow, somebody else's firewall drops, the control plane is away.
    uplink(&world.gateway, "1400");
    world
        .gateway
        .nft("add table ip filter\nadd chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }\n")
        .unwrap();
    world.plane.with(|shared| shared.down = true);
    let (found, healthy) = doctor(&world, &[]);
    assert!(!healthy);
    assert_eq!(verdict(&found, "mtu"), "failure");
    assert!(found["mtu"][0].1.contains("1320"), "{found:?}");
    assert_eq!(verdict(&found, "tables"), "warning");
    assert!(found["tables"][0].1.contains("ip filter FORWARD"), "{found:?}");
    assert_eq!(verdict(&found, "control_plane"), "failure");
    world.plane.with(|shared| shared.down = false);

    // Others can read a secret.
    let credential = world.state.path().join("credential");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&credential, mode).unwrap();
    let (found, _) = doctor(&world, &[]);
    assert_eq!(verdict(&found, "state"), "failure");

    // Names that are somebody else's.
    world.gateway.nft("add table inet theirs\nadd chain inet theirs x\n").unwrap();
    let (found, _) = doctor(&world, &["--table", "theirs", "--interface", "eth1"]);
    assert_eq!(verdict(&found, "tables"), "failure");
    assert_eq!(verdict(&found, "interface"), "failure");

    // The port is taken while the tunnel is down.
    world.stop();
    let taken = world.gateway.inside(|| std::net::UdpSocket::bind("0.0.0.0:51820"));
    let (found, _) = doctor(&world, &[]);
    assert_eq!(verdict(&found, "port"), "failure", "{found:?}");
    drop(taken);
    wait_for("the port", || verdict(&doctor(&world, &[]).0, "port") == "ok");

    // Tools that are not there.
    let output = world
        .gateway
        .command("env")
        .args(["PATH=/nonexistent", env!("CARGO_BIN_EXE_nexavpn-gateway"), "doctor"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("install the package nftables"), "{text}");
}
