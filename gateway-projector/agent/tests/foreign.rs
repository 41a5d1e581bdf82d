//! What is not the agent's stays as it is, whatever the agent does; what is
//! the agent's goes with it.

mod support;

use std::process::Command;

use nexavpn_gateway::state::PrivateKey;
use support::net::sh;
use support::{World, open, tcp_ports, wait_for};

/// Tables as other programs make them, one of them beside the agent's hooks
/// and one whose name begins like the agent's.
const TABLES: &str = "
add table ip filter
add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; }
add rule ip filter FORWARD ip saddr 100.96.0.0/16 counter accept
add table inet nexavpn_other
add map inet nexavpn_other dev4 { type ipv4_addr : verdict; }
add chain inet nexavpn_other forward { type filter hook forward priority 5; policy accept; }
add chain inet nexavpn_other p_0123456789abcdef
add rule inet nexavpn_other forward ip saddr vmap @dev4
add element inet nexavpn_other dev4 { 100.96.0.10 : accept }
add table ip nexavpn
add chain ip nexavpn forward
add rule ip nexavpn forward counter drop
";

/// Everything in the gateway's namespace that others made.
fn others(world: &World, wireguard: &str) -> Vec<String> {
    let gateway = &world.gateway;
    let mut found: Vec<String> = [
        ["-s", "list", "table", "ip", "filter"],
        ["-s", "list", "table", "inet", "nexavpn_other"],
        ["-s", "list", "table", "ip", "nexavpn"],
    ]
    .iter()
    .map(|args| gateway.run("nft", args))
    .collect();
    found.push(sh("wg", &["showconf", wireguard]));
    for device in [wireguard, "eth1", "other7"] {
        found.push(gateway.ip(&["-o", "addr", "show", "scope", "global", "dev", device]));
        found.push(gateway.ip(&["route", "show", "dev", device]));
    }
    found.push(gateway.ip(&["rule", "show"]));
    found.push(gateway.ip(&["route", "show", "table", "77"]));
    found
}

/// Somebody else's WireGuard in the gateway's namespace.
fn foreign_wireguard(world: &World, name: &str) {
    let mut command: Command = world.gateway.command("wireguard-go");
    assert!(command.arg(name).status().unwrap().success());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), PrivateKey::generate().expose()).unwrap();
    let path = file.path().to_string_lossy().into_owned();
    let peer = PrivateKey::generate().public_key();
    let ips = "100.96.0.10/32,10.77.0.0/24";
    sh("wg", &["set", name, "private-key", &path, "peer", &peer, "allowed-ips", ips]);
}

#[test]
fn other_peoples_tables_rules_peers_and_interfaces_stay() {
    let world = World::new(2);
    let gateway = &world.gateway;
    let wireguard = format!("{}f", world.interface);
    foreign_wireguard(&world, &wireguard);
    gateway.ip(&["addr", "add", "10.77.0.1/24", "dev", &wireguard]);
    gateway.ip(&["link", "set", "up", "dev", &wireguard]);
    gateway.ip(&["link", "add", "other7", "type", "veth", "peer", "name", "other8"]);
    gateway.ip(&["addr", "add", "10.78.0.1/24", "dev", "other7"]);
    gateway.ip(&["link", "set", "up", "dev", "other7"]);
    gateway.ip(&["rule", "add", "from", "10.78.0.0/24", "table", "77"]);
    gateway.ip(&["route", "add", "10.79.0.0/24", "dev", "other7", "table", "77"]);
    gateway.nft(TABLES).unwrap();
    let tables = gateway.run("nft", &["list", "tables"]);
    let before = others(&world, &wireguard);
    let unchanged = |when: &str| assert_eq!(others(&world, &wireguard), before, "{when}");

    world.join();
    unchanged("after the join");
    world.start(&[]);
    world.publish(&world.payload(1, &open()));
    unchanged("after the first load");
    world.publish(&world.payload_of(2, &[(1, &tcp_ports(&["443-443"]))]));
    unchanged("after a change and a revocation");
    world.crash();
    world.start(&[]);
    wait_for("the restart", || !world.peers().is_empty());
    world.publish(&world.payload(3, &open()));
    unchanged("after a crash");
    // Repairs, of the table and of the tunnel.
    gateway.run("nft", &["delete", "table", "inet", "nexavpn"]);
    wait_for("the table", || {
        gateway.run("nft", &["list", "tables"]).contains("table inet nexavpn\n")
    });
    gateway.ip(&["link", "del", "dev", &world.interface]);
    wait_for("the tunnel", || {
        gateway.ip(&["-o", "link"]).contains(&format!("{}:", world.interface))
    });
    world.publish(&world.payload(4, &open()));
    unchanged("after repairs");
    // Another table, by choice.
    world.stop();
    world.start(&["--table", "chosen"]);
    wait_for("the other table", || {
        let tables = gateway.run("nft", &["list", "tables"]);
        tables.contains("table inet chosen\n") && !tables.contains("table inet nexavpn\n")
    });
    unchanged("after another table was chosen");
    world.plane.with(|shared| shared.reports.clear());
    world.applied(4);
    world.crash();

    let output = world.cli(&["leave"]);
    assert!(output.status.success(), "{output:?}");
    unchanged("after the agent has left");
    assert_eq!(gateway.run("nft", &["list", "tables"]), tables);
    assert!(!gateway.ip(&["-o", "link"]).contains(&format!("{}:", world.interface)));
    wait_for("wireguard-go to end", || {
        !std::path::Path::new(&format!("/var/run/wireguard/{}.sock", world.interface)).exists()
    });
    let left: Vec<_> = std::fs::read_dir(world.state.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "agent.log")
        .collect();
    assert_eq!(left, ["lock"], "keys, credential and bundles are gone");
    gateway.ip(&["link", "del", "dev", &wireguard]);
}

#[test]
fn a_name_that_somebody_else_has_taken_is_left_to_him() {
    let world = World::new(1);
    world.join();
    // A table of the agent's name that it did not make.
    world.gateway.nft("add table inet nexavpn\nadd chain inet nexavpn by_dev\n").unwrap();
    world.start(&[]);
    wait_for("the refusal", || {
        String::from_utf8(support::read(&world.log())).unwrap().contains("choose another --table")
    });
    world.crash();
    assert!(world.ruleset().contains("by_dev") && !world.ruleset().contains("forward"));
    assert!(world.cli(&["leave"]).status.success());
    assert!(world.ruleset().contains("by_dev"), "leaving does not remove it either");
    world.gateway.run("nft", &["delete", "table", "inet", "nexavpn"]);

    // An interface that was the agent's, and is somebody else's since.
    world.plane.with(|shared| shared.joined = None);
    world.join();
    world.start(&[]);
    world.publish(&world.payload(1, &open()));
    world.stop();
    foreign_wireguard(&world, &world.interface);
    let theirs = sh("wg", &["showconf", &world.interface]);
    world.start(&[]);
    wait_for("the refusal", || {
        let rejected = world.plane.last_report().and_then(|report| report.rejected);
        rejected.is_some_and(|rejected| rejected.reason.contains("not of this agent"))
    });
    assert_eq!(sh("wg", &["showconf", &world.interface]), theirs);
    world.stop();
    assert!(world.cli(&["leave"]).status.success());
    assert_eq!(sh("wg", &["showconf", &world.interface]), theirs);
}
