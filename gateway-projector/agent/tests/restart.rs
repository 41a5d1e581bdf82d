//! Crashes, restarts, repairs: the node converges from whatever it finds, and
//! traffic goes on meanwhile.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nexavpn_bundle::{Profile, sign};
use nexavpn_gateway::desired::device_maps;
use nexavpn_gateway::nft::{self, NftNames};
use support::{SERVER, World, open, read, tcp_ports, wait_for};

fn names(world: &World) -> NftNames {
    NftNames { table: "nexavpn".to_owned(), interface: world.interface.clone() }
}

fn served(clients: u8) -> World {
    let world = World::new(clients);
    world.join();
    world.start(&[]);
    world.server.echo(443);
    world.publish(&world.payload(10, &open()));
    world.connect_clients();
    wait_for("the first packet", || world.clients[0].namespace.reaches(SERVER, 443));
    world
}

#[test]
fn a_crash_between_any_two_steps_converges() {
    let world = served(2);
    let web = tcp_ports(&["443-443"]);
    // The new state: one device revoked, the other with another profile.
    let next = |revision| world.payload_of(revision, &[(1, &web)]);
    let old = world.payload(10, &open());

    world.publish(&next(11));
    let reference = (world.ruleset(), world.peers());
    let mut revision = 12;

    // What a crash leaves behind after each step, made by hand.
    for steps in 0..=3 {
        let back = nexavpn_bundle::Payload { revision, ..old.clone() };
        world.publish(&back);
        let target = next(revision + 1);
        revision += 2;
        world.crash();
        let signed = sign(&target, &world.signing).unwrap();
        world.plane.publish(&world.signing, &target);
        world.plane.with(|shared| shared.down = true);

        // Before the first step the verified bundle is on disk.
        std::fs::write(world.state.path().join("next.json"), signed.body()).unwrap();
        if steps >= 1 {
            world.gateway.nft(&nft::profiles(&names(&world), target.profiles.iter())).unwrap();
        }
        if steps >= 2 {
            let maps = nft::fill_maps(&names(&world), &device_maps(&target.devices));
            world.gateway.nft(&maps).unwrap();
        }
        if steps >= 3 {
            let gone = world.clients[0].key.public_key();
            support::net::sh("wg", &["set", &world.interface, "peer", &gone, "remove"]);
        }
        // The control plane is away: the node gets there on its own.
        world.start(&[]);
        wait_for("the bundle to be in force", || {
            read(&world.state.path().join("bundle.json")) == signed.body()
                && (world.ruleset(), world.peers()) == reference
        });
        assert!(!world.state.path().join("next.json").exists());
        world.plane.with(|shared| shared.down = false);
        world.applied(target.revision);
    }
}

/// As many rules and elements as there should be say nothing about which: what somebody else let in
/// must not outlive a repair.
#[test]
fn a_start_closes_what_somebody_opened_in_place_of_something_else() {
    let world = served(1);
    let nft = |args: &[&str]| world.gateway.run("nft", args);
    let closes = |what: &str, open_another: &dyn Fn()| {
        let reference = world.ruleset();
        world.crash();
        open_another();
        assert_ne!(world.ruleset(), reference);
        world.start(&[]);
        wait_for(what, || world.ruleset() == reference);
    };
    let payload = world.payload(10, &open());
    let (chain, _) = payload.profiles.first_key_value().unwrap();
    closes("the rules to be as they were", &|| {
        let rules = nft(&["-a", "list", "chain", "inet", "nexavpn", chain]);
        let rule = rules.lines().find(|line| line.contains("172.16.10.0")).unwrap();
        let handle = rule.rsplit(' ').next().unwrap();
        let other = ["ct", "original", "ip", "daddr", "192.0.2.0/24", "accept"];
        let replace = ["replace", "rule", "inet", "nexavpn", chain, "handle", handle];
        nft(&[&replace[..], &other].concat());
    });

    // Beyond a few ranges they are a set.
    let v4 = (10..20).map(|n| format!("172.16.{n}.0-172.16.{n}.255")).collect();
    let payload = world.payload(11, &Profile { v4, ..Profile::default() });
    world.plane.publish(&world.signing, &payload);
    world.applied(11);
    let (name, profile) = payload.profiles.first_key_value().unwrap();
    let sets = nft::set_names(name, profile);
    let [set] = &sets[..] else { panic!("{sets:?}") };
    closes("the set to be as it was", &|| {
        let element = |verb, range| nft(&[verb, "element", "inet", "nexavpn", set.as_str(), range]);
        element("delete", "{ 172.16.10.0-172.16.10.255 }");
        element("add", "{ 192.0.2.0-192.0.2.255 }");
    });
}

#[test]
fn an_agent_that_is_killed_again_and_again_ends_at_the_last_bundle() {
    let world = served(2);
    let web = tcp_ports(&["443-443"]);
    wait_for("the other client", || world.clients[1].namespace.reaches(SERVER, 443));
    for revision in 11..=26 {
        let payload = if revision % 2 == 0 {
            world.payload(revision, &open())
        } else {
            world.payload_of(revision, &[(1, &web)])
        };
        world.plane.publish(&world.signing, &payload);
        // At another point of the application each time.
        std::thread::sleep(std::time::Duration::from_millis(
            u64::try_from(revision - 10).unwrap() * 9,
        ));
        world.crash();
        world.start(&[]);
    }
    world.applied(26);
    assert_eq!(world.peers().len(), 2);
    let agent_made = world.ruleset();
    world.gateway.run("nft", &["delete", "table", "inet", "nexavpn"]);
    world.gateway.nft(&nft::render_full(&world.payload(26, &open()), &names(&world))).unwrap();
    assert_eq!(agent_made, world.ruleset());
    // The device that was a peer all along has kept its session. (The other one
    // notices only after 15 s, as WireGuard does, that it has to shake hands.)
    assert!(world.clients[1].namespace.reaches(SERVER, 443));
}

#[test]
fn traffic_flows_and_stays_denied_while_the_agent_restarts() {
    let world = served(2);
    world.publish(&world.payload_of(11, &[(0, &open()), (1, &tcp_ports(&["1-1"]))]));
    world.server.echo_udp(444);
    let allowed =
        world.clients[0].namespace.inside(|| std::net::UdpSocket::bind("0.0.0.0:0")).unwrap();
    allowed.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    let denied =
        world.clients[1].namespace.inside(|| std::net::UdpSocket::bind("0.0.0.0:0")).unwrap();
    let seen = world.server.inside(|| std::net::UdpSocket::bind("0.0.0.0:443")).unwrap();
    seen.set_nonblocking(true).unwrap();

    let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // One exchange after the other. Nothing sends a datagram again, so
            // that a single lost one ends this.
            let mut buffer = [0; 16];
            while !stop.load(Ordering::Relaxed) {
                allowed.send_to(b"hello", (SERVER, 444)).unwrap();
                allowed.recv(&mut buffer).expect("a packet was lost");
                let _ = denied.send_to(b"leak", (SERVER, 443));
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        for _ in 0..3 {
            world.crash();
            world.start(&[]);
            world.plane.with(|shared| shared.reports.clear());
            world.applied(11);
        }
        // SIGTERM with --keep-tunnel, and the time without any agent.
        world.crash();
        world.start(&["--keep-tunnel"]);
        world.plane.with(|shared| shared.reports.clear());
        world.applied(11);
        world.stop();
        let done = count.load(Ordering::Relaxed);
        wait_for("traffic without the agent", || count.load(Ordering::Relaxed) > done + 20);
        stop.store(true, Ordering::Relaxed);
    });
    let mut buffer = [0; 16];
    assert!(seen.recv(&mut buffer).is_err(), "a packet of the denied device came through");

    // It was the firewall that kept them out, not a tunnel that was down.
    world.start(&[]);
    world.publish(&world.payload(12, &open()));
    wait_for("the device's packets once they are allowed", || {
        denied.send_to(b"fine", (SERVER, 443)).unwrap();
        seen.recv(&mut buffer).is_ok()
    });
}

#[test]
fn what_somebody_else_breaks_is_repaired() {
    let world = served(1);
    let client = &world.clients[0].namespace;
    let before = (world.ruleset(), world.peers());
    let intact = || (world.ruleset(), world.peers()) == before;

    world.gateway.run("nft", &["flush", "ruleset"]);
    wait_for("the table", || world.gateway.run("nft", &["list", "tables"]).contains("nexavpn"));
    wait_for("the ruleset", intact);
    world.gateway.run("nft", &["flush", "chain", "inet", "nexavpn", "forward"]);
    wait_for("the hook's rules", intact);
    let key = world.clients[0].key.public_key();
    support::net::sh("wg", &["set", &world.interface, "peer", &key, "remove"]);
    wait_for("the peer", intact);
    let set_peer = ["set", &world.interface, "peer", &key, "allowed-ips", "10.0.0.0/8"];
    support::net::sh("wg", &set_peer);
    wait_for("the peer's addresses", intact);
    let port = || support::net::sh("wg", &["show", &world.interface, "listen-port"]);
    let own_port = port();
    support::net::sh("wg", &["set", &world.interface, "listen-port", "1"]);
    wait_for("the port", || port() == own_port);
    world.gateway.run("nft", &["flush", "map", "inet", "nexavpn", "dev4"]);
    wait_for("the device map", intact);

    // The whole tunnel.
    world.gateway.ip(&["link", "del", "dev", &world.interface]);
    wait_for("the tunnel", || client.reaches(SERVER, 443));
    assert_eq!(world.peers(), before.1);

    // SIGTERM ends wireguard-go and leaves the firewall; leaving leaves nothing.
    world.stop();
    assert!(!world.gateway.ip(&["link"]).contains(&world.interface));
    assert_eq!(world.ruleset(), before.0);
    let output = world.cli(&["leave"]);
    assert!(output.status.success(), "{output:?}");
    assert!(!world.gateway.run("nft", &["list", "tables"]).contains("nexavpn"));
    assert!(!world.state.path().join("private.key").exists());
}

#[test]
fn a_bundle_may_change_the_interface() {
    let world = served(1);
    let mut payload = world.payload(11, &open());
    let renamed = format!("{}x", world.interface);
    payload.interface.name.clone_from(&renamed);
    payload.interface.addresses = vec!["100.97.0.1/16".into(), "fd00::1/64".into()];
    payload.interface.mtu = 1300;
    world.publish(&payload);
    let links = world.gateway.ip(&["-o", "addr", "show"]);
    assert!(!links.contains(&format!("{} ", world.interface)), "{links}");
    assert!(links.contains("100.97.0.1/16") && !links.contains("100.96.0.1"), "{links}");
    assert!(!world.ruleset().contains(&format!("\"{}\"", world.interface)));
    assert!(world.ruleset().contains(&renamed));

    // Back, and with other addresses on the same interface.
    world.publish(&world.payload(12, &open()));
    let mut payload = world.payload(13, &open());
    payload.interface.addresses = vec!["100.98.0.1/16".into()];
    world.publish(&payload);
    let links = world.gateway.ip(&["-o", "addr", "show", "dev", &world.interface]);
    assert!(links.contains("100.98.0.1/16") && !links.contains("100.96."), "{links}");
    assert!(!links.contains("fd00::1"), "{links}");
}

#[test]
fn an_interface_that_is_not_ours_is_left_alone() {
    let world = World::new(1);
    world.join();
    let args = ["link", "add", &world.interface, "type", "veth", "peer", "name", "other"];
    world.gateway.ip(&args);
    world.start(&[]);
    world.plane.publish(&world.signing, &world.payload(10, &open()));
    wait_for("the refusal", || {
        let rejected = world.plane.last_report().and_then(|report| report.rejected);
        rejected.is_some_and(|rejected| rejected.reason_code == "apply_failed")
    });
    assert!(world.gateway.ip(&["link"]).contains(&world.interface));
}

#[test]
fn a_start_that_fails_does_not_bring_revoked_access_back() {
    let world = served(2);
    let revoked = world.clients[0].v4.clone();
    let kept = world.clients[1].v4.clone();
    world.crash();
    world.plane.with(|shared| shared.down = true);
    let web = tcp_ports(&["443-443"]);
    let newest = sign(&world.payload_of(11, &[(1, &web)]), &world.signing).unwrap();
    std::fs::write(world.state.path().join("next.json"), newest.body()).unwrap();
    world.gateway.run("nft", &["delete", "table", "inet", "nexavpn"]);

    // An interface that the agent does not know for its own: the last step fails every time.
    std::fs::remove_file(world.state.path().join("runtime.json")).unwrap();
    world.start(&[]);
    wait_for("the device maps", || {
        let mut list = world.gateway.command("nft");
        let listed = list.args(["list", "table", "inet", "nexavpn"]).output().unwrap();
        String::from_utf8_lossy(&listed.stdout).contains(&kept)
    });
    for _ in 0..30 {
        let ruleset = world.ruleset();
        assert!(!ruleset.contains(&revoked), "{ruleset}");
    }
}

#[test]
fn what_a_killed_agent_left_nft_at_does_not_come_after_its_successor() {
    let world = served(1);
    world.crash();
    // Waits with what it was given where there is a file.
    let tools = tempfile::tempdir().unwrap();
    let (slow, waits, done) =
        (tools.path().join("slow"), tools.path().join("waits"), tools.path().join("done"));
    let script = format!(
        "#!/bin/sh\n\
         PATH=/usr/sbin:/usr/bin:/sbin:/bin\n\
         [ \"$1\" = -f ] && [ -e {slow} ] || exec nft \"$@\"\n\
         touch {waits}; sleep 2; nft \"$@\"; touch {done}\n",
        slow = slow.display(),
        waits = waits.display(),
        done = done.display(),
    );
    let nft = tools.path().join("nft");
    std::fs::write(&nft, script).unwrap();
    std::fs::set_permissions(&nft, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    world.start_with(&[], &[("PATH", &path)]);
    world.plane.with(|shared| shared.reports.clear());
    world.applied(10);

    // The map empties, and is filled again when nobody waits for that any more.
    world.publish(&world.payload_of(11, &[]));
    std::fs::write(&slow, "").unwrap();
    // What is open on the gateway itself changes too, which is for nft.
    let mut next = world.payload(12, &open());
    next.input.icmp_echo = false;
    world.plane.publish(&world.signing, &next);
    wait_for("nft to begin", || waits.exists());
    world.crash();
    world.start(&[]);
    world.publish(&world.payload_of(13, &[]));
    wait_for("nft to end", || done.exists());
    assert!(!world.ruleset().contains(&world.clients[0].v4), "{}", world.ruleset());
}
