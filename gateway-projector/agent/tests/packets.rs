//! What devices can do, shown with real packets through a real WireGuard and a
//! real nftables.

mod support;

use chrono::{SecondsFormat, Utc};
use nexavpn_bundle::{Masquerade, Profile};
use support::net::answers;
use support::{SERVER, SERVER6, World, open, port_box, tcp_ports, wait_for};

fn running(clients: u8) -> World {
    let world = World::new(clients);
    world.join();
    world.start(&[]);
    for port in [80, 443] {
        world.server.echo(port);
    }
    world
}

#[test]
fn access_follows_the_bundle_and_a_revocation_cuts_a_running_stream() {
    let world = running(2);
    let (web, everything) = (tcp_ports(&["443-443"]), open());
    let (a, b) = (&world.clients[0].namespace, &world.clients[1].namespace);

    world.publish(&world.payload_of(1, &[(0, &web), (1, &everything)]));
    world.connect_clients();
    wait_for("the first packet", || a.reaches(SERVER, 443));
    // Address detection of the fresh interfaces takes a second.
    wait_for("the first IPv6 packet", || a.reaches(SERVER6, 443));
    assert!(!a.reaches(SERVER, 80), "a port that is not in the profile");
    assert!(!a.reaches(SERVER6, 80));
    assert!(!a.pings(SERVER), "a protocol that is not in the profile");
    assert!(b.reaches(SERVER, 80), "the other device has another profile");
    assert!(b.pings(SERVER) && b.pings(SERVER6));

    // An edit opens, another closes.
    let both = tcp_ports(&["443-443", "80-80"]);
    world.publish(&world.payload_of(2, &[(0, &both), (1, &everything)]));
    assert!(a.reaches(SERVER, 80));
    let mut stream = a.connect(SERVER, 80).unwrap();
    assert!(answers(&mut stream));
    world.publish(&world.payload_of(3, &[(0, &web), (1, &everything)]));
    assert!(!answers(&mut stream), "a running stream ends with the access");

    // Revocation.
    let mut cut = a.connect(SERVER, 443).unwrap();
    let mut kept = b.connect(SERVER, 443).unwrap();
    assert!(answers(&mut cut) && answers(&mut kept));
    world.publish(&world.payload_of(4, &[(1, &everything)]));
    assert!(!answers(&mut cut), "the revoked device's stream is cut");
    assert!(answers(&mut kept), "the other device's stream goes on");
    assert!(!a.reaches(SERVER, 443));
    assert_eq!(world.peers().len(), 1);
    assert!(!world.ruleset().contains(&web.name().unwrap()), "unused profiles are collected");
}

/// Few ports are rules of their own, many of them and other protocols a set of all of them.
#[test]
fn ports_and_protocols_mean_the_same_in_each_kind_of_set() {
    let world = running(3);
    let few = tcp_ports(&["443-443", "1000-1002"]);
    let ports = ["11-11", "13-13", "15-15", "17-17", "19-19", "21-21", "23-23", "25-25", "440-443"];
    let many = tcp_ports(&ports);
    let mut echo = tcp_ports(&["443-443"]);
    echo.v4_ports.insert(0, port_box("172.16.10.2-172.16.10.2", "0-5", "0-65535"));
    world.publish(&world.payload_of(1, &[(0, &few), (1, &many), (2, &echo)]));
    world.connect_clients();
    for port in [999, 1000, 1002, 1003, 439, 440] {
        world.server.echo(port);
    }
    let [few, many, echo] = [0, 1, 2].map(|n| &world.clients[n].namespace);
    for device in [few, many, echo] {
        wait_for("the first packet", || device.reaches(SERVER, 443));
        wait_for("the first IPv6 packet", || device.reaches(SERVER6, 443));
        assert!(!device.reaches(SERVER, 80) && !device.reaches(SERVER6, 80));
    }
    for server in [SERVER, SERVER6] {
        assert!(few.reaches(server, 1000) && few.reaches(server, 1002));
        assert!(!few.reaches(server, 999) && !few.reaches(server, 1003));
        assert!(many.reaches(server, 440) && !many.reaches(server, 439));
    }
    assert!(echo.pings(SERVER) && !echo.pings(SERVER6));
    assert!(!few.pings(SERVER) && !many.pings(SERVER));
    // Only TCP is open.
    world.server.echo_udp(443);
    assert!(!few.reaches_udp(SERVER, 443) && !many.reaches_udp(SERVER, 443));
    // From a port that is open to one that is not, in the other direction.
    assert!(!world.server.reaches(&world.clients[0].v4, 443));
}

#[test]
fn nothing_reaches_devices_or_the_gateway_unless_it_is_named() {
    let world = running(2);
    let (a, b) = (&world.clients[0], &world.clients[1]);
    for client in [a, b] {
        client.namespace.echo(443);
    }
    world.gateway.echo(53);
    world.gateway.echo(22);
    world.gateway.echo_udp(53);

    let mut resolver = open();
    resolver.v4_ports =
        ["6", "17"].map(|proto| port_box("100.96.0.1-100.96.0.1", proto, "53-53")).into();
    world.publish(&world.payload_of(1, &[(0, &resolver), (1, &open())]));
    world.connect_clients();
    wait_for("the first packet", || a.namespace.reaches(SERVER, 443));
    wait_for("the other client", || b.namespace.reaches(SERVER, 443));

    assert!(!world.server.reaches(&a.v4, 443), "from outside towards a device");
    assert!(!a.namespace.reaches(&b.v4, 443), "device to device");
    assert!(!b.namespace.reaches("172.16.10.1", 22), "the gateway's address in an allowed network");
    assert!(!a.namespace.reaches("100.96.0.1", 22), "the gateway's tunnel address");
    assert!(a.namespace.reaches("100.96.0.1", 53) && a.namespace.reaches_udp("100.96.0.1", 53));
    assert!(!b.namespace.reaches("100.96.0.1", 53), "a device whose policies deny the resolver");
    assert!(!b.namespace.reaches_udp("100.96.0.1", 53));
    assert!(a.namespace.pings("100.96.0.1"), "echo requests are answered");

    // A device that is named is reached, and its answers come back.
    let peer = Profile { v4: vec!["100.96.0.11-100.96.0.11".into()], ..Profile::default() };
    world.publish(&world.payload_of(2, &[(0, &peer), (1, &open())]));
    assert!(a.namespace.reaches(&b.v4, 443));
    assert!(!b.namespace.reaches(&a.v4, 443), "one way only");

    // Without the built-ins.
    let mut closed = world.payload_of(3, &[(0, &resolver), (1, &open())]);
    (closed.input.dns, closed.input.icmp_echo) = (false, false);
    world.publish(&closed);
    assert!(!a.namespace.reaches("100.96.0.1", 53) && !a.namespace.pings("100.96.0.1"));
    assert!(a.namespace.reaches(SERVER, 443));
}

#[test]
fn masquerade_hides_devices_behind_the_gateway() {
    let world = running(1);
    world.server.ip(&["route", "del", "100.96.0.0/16"]);
    world.publish(&world.payload(1, &open()));
    world.connect_clients();
    let a = &world.clients[0].namespace;
    wait_for("the tunnel", || a.reaches(SERVER6, 443));
    assert!(!a.reaches(SERVER, 443), "no way back without it");
    let mut hidden = world.payload(2, &open());
    hidden.nat.v4_masquerade = vec![Masquerade { src: "100.96.0.0/16".into(), oif: "eth1".into() }];
    world.publish(&hidden);
    assert!(a.reaches(SERVER, 443));
    world.publish(&world.payload_of(3, &[]));
    assert!(!a.reaches(SERVER, 443));
}

#[test]
fn an_expired_device_goes_without_a_new_bundle() {
    let world = running(2);
    let mut payload = world.payload(1, &open());
    let end = Utc::now() + chrono::Duration::seconds(4);
    payload.devices[0].not_after = Some(end.to_rfc3339_opts(SecondsFormat::Millis, true));
    world.publish(&payload);
    world.connect_clients();
    let (a, b) = (&world.clients[0].namespace, &world.clients[1].namespace);
    wait_for("the first packet", || a.reaches(SERVER, 443));
    let mut stream = a.connect(SERVER, 443).unwrap();
    assert!(answers(&mut stream));
    wait_for("the peer to go", || world.peers().len() == 1);
    assert!(Utc::now() >= end);
    assert!(!answers(&mut stream) && !a.reaches(SERVER, 443));
    wait_for("the other client", || b.reaches(SERVER, 443));
}

#[test]
fn a_silent_control_plane_changes_nothing_until_max_stale_has_passed() {
    let world = running(1);
    world.publish(&world.payload(1, &open()));
    world.connect_clients();
    let a = &world.clients[0].namespace;
    wait_for("the first packet", || a.reaches(SERVER, 443));
    let mut stream = a.connect(SERVER, 443).unwrap();

    world.plane.with(|shared| shared.down = true);
    wait_for("the agent to notice", || {
        String::from_utf8(support::read(&world.log())).unwrap().contains("cannot fetch")
    });
    assert!(answers(&mut stream) && a.reaches(SERVER, 443), "fail static");
    world.plane.with(|shared| shared.down = false);

    let mut payload = world.payload(2, &open());
    payload.max_stale_s = Some(2);
    world.publish(&payload);
    assert!(answers(&mut stream));
    world.plane.with(|shared| shared.down = true);
    wait_for("the maps to be emptied", || !a.reaches(SERVER, 443));
    assert!(!answers(&mut stream));
    assert_eq!(world.peers().len(), 1, "the peer stays, so that service resumes at once");
    world.plane.with(|shared| shared.down = false);
    wait_for("service to resume", || a.reaches(SERVER, 443));
}
