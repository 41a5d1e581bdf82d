//! What devices can do, shown with real packets through a real WireGuard and a
//! real nftables.

mod support;

use chrono::{SecondsFormat, Utc};
use nexavpn_bundle::{Masquerade, Payload, Profile};
use nexavpn_gateway::nft;
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

/// Few ranges are rules of their own, more of them sets of addresses where services are few, and of
/// addresses and ports where those are many, too.
#[test]
fn ports_and_protocols_mean_the_same_in_rules_and_in_each_kind_of_set() {
    let world = running(4);
    let few = tcp_ports(&["443-443", "1000-1002"]);
    let mut echo = tcp_ports(&["443-443"]);
    echo.v4_ports.insert(0, port_box("172.16.10.2-172.16.10.2", "0-5", "0-65535"));
    // Nobody has those other addresses.
    let mut shared = few.clone();
    for n in 10..20 {
        for ports in ["443-443", "1000-1002"] {
            shared.v4_ports.push(port_box(&format!("172.16.{n}.77-172.16.{n}.77"), "6", ports));
            shared.v6_ports.push(port_box(&format!("fd10::{n}-fd10::{n}"), "6", ports));
        }
    }
    let single: Vec<String> = (10..30).map(|port| format!("{port}-{port}")).collect();
    let ports: Vec<&str> =
        single.iter().map(String::as_str).chain(["440-443", "1000-1002"]).collect();
    let mut many = tcp_ports(&ports);
    many.v4_ports.insert(0, port_box("172.16.10.2-172.16.10.2", "0-5", "0-65535"));
    let profiles = [&few, &echo, &shared, &many];
    let devices: Vec<_> = profiles.into_iter().enumerate().collect();
    world.publish(&world.payload_of(1, &devices));
    let kinds = profiles.map(|profile| nft::set_names(&profile.name().unwrap(), profile).len());
    assert_eq!(kinds, [0, 0, 2, 3]);

    world.connect_clients();
    for port in [999, 1000, 1002, 1003, 439, 440] {
        world.server.echo(port);
    }
    // Only TCP is open there.
    world.server.echo_udp(443);
    let [few, echo, shared, many] = [0, 1, 2, 3].map(|n| &world.clients[n].namespace);
    for device in [few, echo, shared, many] {
        wait_for("the first packet", || device.reaches(SERVER, 443));
        wait_for("the first IPv6 packet", || device.reaches(SERVER6, 443));
        assert!(!device.reaches(SERVER, 80) && !device.reaches(SERVER6, 80));
        assert!(!device.reaches_udp(SERVER, 443));
    }
    for server in [SERVER, SERVER6] {
        for device in [few, shared, many] {
            assert!(device.reaches(server, 1000) && device.reaches(server, 1002));
            assert!(!device.reaches(server, 999) && !device.reaches(server, 1003));
        }
        assert!(many.reaches(server, 440) && !many.reaches(server, 439));
    }
    for device in [echo, many] {
        assert!(device.pings(SERVER) && !device.pings(SERVER6));
    }
    assert!(!few.pings(SERVER) && !shared.pings(SERVER));
    // From a port that is open to one that is not, in the other direction.
    for client in &world.clients {
        assert!(!world.server.reaches(&client.v4, 443));
    }
}

/// Somebody else on the node may send connections elsewhere: what a device asked for is decided, by
/// each kind of rule.
#[test]
fn a_connection_is_decided_by_what_it_asked_for_and_not_by_where_it_is_sent() {
    let world = running(3);
    let elsewhere = "172.16.10.9";
    let opened = |port: &str| {
        let single: Vec<String> = (10..30).map(|port| format!("{port}-{port}")).collect();
        let mut all = vec![port];
        all.extend(single.iter().map(String::as_str));
        let mut many = tcp_ports(&all);
        for one in &mut many.v4_ports {
            one.dst = format!("{elsewhere}-{elsewhere}");
        }
        let few = Profile { v4_ports: many.v4_ports[..1].to_vec(), ..Profile::default() };
        many.v4_ports.sort_by_key(|one| one.ports.clone());
        (few, many)
    };
    let (few, many) = opened("8080-8080");
    let whole = Profile { v4: vec![format!("{elsewhere}-{elsewhere}")], ..Profile::default() };
    world
        .gateway
        .nft(&format!(
            "add table ip elsewhere\n\
         add chain ip elsewhere pre {{ type nat hook prerouting priority -100; }}\n\
         add rule ip elsewhere pre ip daddr {elsewhere} tcp dport 8080 dnat to {SERVER}:443\n"
        ))
        .unwrap();
    world.publish(&world.payload_of(1, &[(0, &few), (1, &many), (2, &whole)]));
    world.connect_clients();
    for client in &world.clients {
        let device = &client.namespace;
        wait_for("the first packet", || device.reaches(elsewhere, 8080));
        assert!(!device.reaches(SERVER, 443), "where it is sent is not open");
    }
    let served = tcp_ports(&["443-443"]);
    world.publish(&world.payload(2, &served));
    let device = &world.clients[0].namespace;
    assert!(device.reaches(SERVER, 443) && !device.reaches(elsewhere, 8080));
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
    // Nor does any packet pass hooks that there is no use for.
    let chain = || world.ruleset().contains("postrouting");
    assert!(!chain());
    let mut hidden = world.payload(2, &open());
    hidden.nat.v4_masquerade = vec![Masquerade { src: "100.96.0.0/16".into(), oif: "eth1".into() }];
    world.publish(&hidden);
    assert!(a.reaches(SERVER, 443));
    // Whoever is hidden stays so until the stream ends.
    let mut stream = a.connect(SERVER, 443).unwrap();
    world.publish(&world.payload(3, &open()));
    assert!(answers(&mut stream) && chain() && !a.reaches(SERVER, 443));
    world.crash();
    world.start(&[]);
    world.publish(&world.payload(4, &open()));
    assert!(answers(&mut stream) && chain() && !a.reaches(SERVER, 443));
    world.publish(&Payload { revision: 5, ..hidden });
    assert!(answers(&mut stream) && a.reaches(SERVER, 443));
    world.publish(&world.payload_of(6, &[]));
    assert!(!answers(&mut stream) && !a.reaches(SERVER, 443));
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
