//! The special cases of the design's section 4, one by one.

use std::{net::IpAddr, sync::Arc};

use ipnetwork::IpNetwork;
use uuid::Uuid;

use crate::{
    access::{Access, DecidedBy, Decision, FlatProfile, Packet, Rule, Surroundings},
    ids::PolicyId,
    values::{Addresses, PolicyEffect, Protocol, Service},
};

pub(super) fn around() -> Surroundings {
    Surroundings {
        dns_servers: vec![ip("10.20.0.53")],
        gateway_addresses: Addresses {
            v4: "100.96.0.1".parse().unwrap(),
            v6: Some("fd96::1".parse().unwrap()),
        },
        has_v6: true,
        internal_networks: vec![],
        tunnel_networks: nets(&["100.96.0.0/16", "fd96::/64"]),
        endpoint: Some(ip("203.0.113.7")),
    }
}

fn without_v6() -> Surroundings {
    let own = around().gateway_addresses;
    Surroundings { gateway_addresses: Addresses { v6: None, ..own }, has_v6: false, ..around() }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn nets(texts: &[&str]) -> Vec<IpNetwork> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Services such as `tcp`, `tcp/443` or `udp/8000-8100`.
fn services(texts: &[&str]) -> Vec<Service> {
    let one = |text: &&str| {
        let (protocol, ports) = text.split_once('/').unwrap_or((text, ""));
        let ports = (!ports.is_empty()).then(|| crate::values::Ports::parse(ports).unwrap());
        Service { protocol: Protocol::parse(protocol).unwrap(), ports: ports.into_iter().collect() }
    };
    texts.iter().map(one).collect()
}

fn rule(number: u32, effect: PolicyEffect, destinations: &[&str], served: &[&str]) -> Rule {
    Rule {
        id: PolicyId(Uuid::from_u128(number.into())),
        name: format!("policy {number}"),
        priority: 100,
        effect,
        full_tunnel: false,
        destinations: nets(destinations),
        services: services(served),
        age: number.into(),
    }
}

fn allow(number: u32, destinations: &[&str], served: &[&str]) -> Rule {
    rule(number, PolicyEffect::Allow, destinations, served)
}

fn deny(number: u32, destinations: &[&str], served: &[&str]) -> Rule {
    rule(number, PolicyEffect::Deny, destinations, served)
}

fn tunnel(number: u32, destinations: &[&str], served: &[&str]) -> Rule {
    Rule { full_tunnel: true, ..allow(number, destinations, served) }
}

fn access_in(rules: &[Rule], around: Surroundings) -> Access {
    Access::new(rules.iter().cloned().map(Arc::new), around)
}

fn access(rules: &[Rule]) -> Access {
    access_in(rules, around())
}

fn packet(dst: &str, service: &str) -> Packet {
    let service = services(&[service]).remove(0);
    let port = service.ports.first().map(|ports| ports.first);
    Packet { dst: ip(dst), protocol: service.protocol, port }
}

/// `+3` where policy 3 lets it pass, `-default` where nothing does.
fn verdict(access: &Access, dst: &str, service: &str) -> String {
    let Decision { allowed, by } = access.decide(&packet(dst, service));
    let by = match by {
        DecidedBy::Policy(id) => id.0.as_u128().to_string(),
        other => other.to_string(),
    };
    format!("{}{by}", if allowed { '+' } else { '-' })
}

/// A profile, a line for each box.
fn lines(profile: &FlatProfile) -> Vec<String> {
    let v4 = profile.v4.iter().map(|(a, b)| format!("{a}-{b}"));
    let v6 = profile.v6.iter().map(|(a, b)| format!("{a}-{b}"));
    let ports = profile.v4_ports.iter().chain(&profile.v6_ports).map(|one| {
        let ((p, q), (x, y)) = (one.protocols, one.ports);
        format!("{}-{} {p}-{q} {x}-{y}", one.first, one.last)
    });
    v4.chain(v6).chain(ports).collect()
}

fn texts(list: &[IpNetwork]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_but_dns_without_policies() {
    let none = access(&[]);
    assert_eq!(verdict(&none, "10.20.0.53", "udp/53"), "+built-in:dns");
    assert_eq!(verdict(&none, "10.20.0.53", "tcp/53"), "+built-in:dns");
    assert_eq!(verdict(&none, "10.20.0.53", "udp/54"), "-default");
    assert_eq!(verdict(&none, "10.20.0.54", "udp/53"), "-default");
    let dns = ["10.20.0.53-10.20.0.53 6-6 53-53", "10.20.0.53-10.20.0.53 17-17 53-53"];
    assert_eq!(lines(&none.profile()), dns);
    assert!(none.allowed_ips().is_empty() && none.resources().is_empty());
    assert_eq!(texts(&none.routes()), ["10.20.0.53/32", "100.96.0.1/32", "fd96::1/128"]);
}

#[test]
fn the_contracts_example() {
    let rule = Rule { name: "Private subnet".into(), ..allow(1, &["172.16.10.0/24"], &[]) };
    let access = access_in(&[rule], without_v6());
    assert_eq!(texts(&access.allowed_ips()), ["172.16.10.0/24"]);
    let resources = access.resources();
    assert_eq!(resources.len(), 1);
    assert_eq!(resources[0].network, nets(&["172.16.10.0/24"])[0]);
    assert_eq!(resources[0].label, "Private subnet");
    assert_eq!(texts(&access.routes()), ["10.20.0.53/32", "100.96.0.1/32", "172.16.10.0/24"]);
}

#[test]
fn the_first_match_decides() {
    let [mut first, second] = [allow(1, &["10.1.0.0/16"], &[]), deny(2, &["10.1.1.0/24"], &[])];
    // At equal priority deny comes first, whatever its age.
    let equal = access(&[first.clone(), second.clone()]);
    assert_eq!(verdict(&equal, "10.1.1.1", "tcp/80"), "-2");
    assert_eq!(verdict(&equal, "10.1.2.1", "tcp/80"), "+1");
    // A lower number comes before.
    first.priority = 99;
    let first_wins = access(&[second, first]);
    assert_eq!(verdict(&first_wins, "10.1.1.1", "tcp/80"), "+1");
    // Then age.
    let ages = access(&[allow(8, &["10.0.0.0/8"], &[]), allow(7, &["10.0.0.0/8"], &[])]);
    assert_eq!(verdict(&ages, "10.1.1.1", "tcp/80"), "+7");
    let order: Vec<_> = ages.explain(&packet("10.1.1.1", "tcp/80")).into_iter().collect();
    assert_eq!(order.len(), 4);
    assert_eq!(order.iter().map(|one| one.matched).collect::<Vec<_>>(), [false, true, true, false]);
}

#[test]
fn a_denial_overrides_built_in_dns() {
    let denied = access(&[deny(1, &["10.20.0.0/16"], &["udp/53"])]);
    assert_eq!(verdict(&denied, "10.20.0.53", "udp/53"), "-1");
    assert_eq!(verdict(&denied, "10.20.0.53", "tcp/53"), "+built-in:dns");
    assert_eq!(lines(&denied.profile()), ["10.20.0.53-10.20.0.53 6-6 53-53"]);
}

#[test]
fn services_split_protocols_and_ports() {
    let rules = [deny(1, &["10.1.0.0/24"], &["tcp"]), allow(2, &["10.1.0.0/24"], &[])];
    assert_eq!(
        lines(&access(&rules).profile())[..2],
        ["10.1.0.0-10.1.0.255 0-5 0-65535", "10.1.0.0-10.1.0.255 7-255 0-65535"]
    );
    let rules = [
        deny(1, &["10.1.0.0/24"], &["tcp/80-90", "icmp"]),
        allow(
            2,
            &["10.1.0.0/24"],
            &["tcp/1-100", "tcp/101", "udp/1-79", "udp/91-101", "udp/80-90"],
        ),
        allow(3, &["10.1.0.0/24"], &["icmp", "0", "2"]),
    ];
    let mixed = access(&rules);
    assert_eq!(
        lines(&mixed.profile())[..5],
        [
            "10.1.0.0-10.1.0.255 0-0 0-65535",
            "10.1.0.0-10.1.0.255 2-2 0-65535",
            "10.1.0.0-10.1.0.255 6-6 1-79",
            "10.1.0.0-10.1.0.255 6-6 91-101",
            "10.1.0.0-10.1.0.255 17-17 1-101",
        ]
    );
    assert_eq!(verdict(&mixed, "10.1.0.1", "icmp"), "-1");
    assert_eq!(verdict(&mixed, "10.1.0.1", "2"), "+3");
    // Every protocol and port, but in pieces: open to all.
    let rules = [allow(1, &["10.1.0.0/24"], &["tcp"]), allow(2, &["10.1.0.0/24"], &[])];
    assert_eq!(lines(&access(&rules).profile())[0], "10.1.0.0-10.1.0.255");
}

#[test]
fn a_family_without_destinations_compiles_to_nothing() {
    let v4_only = access(&[allow(1, &["0.0.0.0/0"], &[])]);
    assert_eq!(verdict(&v4_only, "2606:4700::1", "tcp/443"), "-default");
    assert!(v4_only.profile().v6.is_empty() && v4_only.profile().v6_ports.is_empty());
    let nothing = access(&[allow(1, &[], &[])]);
    assert_eq!(nothing.profile(), access(&[]).profile());
    assert_eq!(verdict(&nothing, "10.0.0.1", "tcp/443"), "-default");
}

#[test]
fn without_an_ipv6_pool_ipv6_is_closed() {
    let rules = [tunnel(1, &["fd00::/8", "10.0.0.0/8"], &[])];
    let access = access_in(&rules, without_v6());
    assert_eq!(verdict(&access, "2606:4700::1", "tcp/443"), "-default");
    assert_eq!(verdict(&access, "fd00::1", "tcp/443"), "-default");
    assert!(access.profile().v6.is_empty() && access.profile().v6_ports.is_empty());
    // Still routed, so that it is dropped and does not leak.
    assert_eq!(texts(&access.routes()), ["0.0.0.0/0", "::/0"]);
    assert_eq!(texts(&access.allowed_ips()), ["0.0.0.0/0", "::/0"]);
    assert!(access.resources().iter().all(|one| one.network.is_ipv4()));
}

#[test]
fn the_gateway_itself_is_reached_by_built_ins_only() {
    let all = ["0.0.0.0/0", "::/0"];
    let open = access(&[allow(1, &all, &[])]);
    assert_eq!(verdict(&open, "100.96.0.1", "tcp/22"), "-default");
    assert_eq!(verdict(&open, "fd96::1", "tcp/22"), "-default");
    assert_eq!(verdict(&open, "100.96.0.2", "tcp/22"), "+1");
    assert_eq!(verdict(&open, "100.96.0.1", "icmp"), "+built-in:echo");
    assert_eq!(verdict(&open, "fd96::1", "icmpv6"), "+built-in:echo");
    assert_eq!(verdict(&open, "fd96::1", "icmp"), "-default");
    assert!(!open.dns_on_gateway());
    let last6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let around_it = [
        "0.0.0.0-100.96.0.0".to_owned(),
        "100.96.0.2-255.255.255.255".into(),
        "::-fd96::".into(),
        format!("fd96::2-{last6}"),
    ];
    assert_eq!(lines(&open.profile()), around_it);

    // With a resolver there, its DNS is the one thing, and a denial still closes it.
    let resolver =
        || Surroundings { dns_servers: vec![ip("100.96.0.1"), ip("fd96::1")], ..around() };
    let open = access_in(&[allow(1, &all, &[])], resolver());
    assert!(open.dns_on_gateway());
    assert_eq!(verdict(&open, "100.96.0.1", "udp/53"), "+built-in:dns");
    assert_eq!(verdict(&open, "100.96.0.1", "udp/54"), "-default");
    let own = ["6-6 53-53", "17-17 53-53"];
    let own = ["100.96.0.1", "fd96::1"].map(|ip| own.map(|rest| format!("{ip}-{ip} {rest}")));
    assert_eq!(lines(&open.profile())[4..], own.concat());
    let denied = access_in(&[allow(1, &all, &[]), deny(2, &["100.96.0.1/32"], &[])], resolver());
    assert_eq!(verdict(&denied, "100.96.0.1", "udp/53"), "-2");
    assert_eq!(verdict(&denied, "fd96::1", "udp/53"), "+built-in:dns");
    // Echo is answered by the input hook, which asks no policy.
    assert_eq!(verdict(&denied, "100.96.0.1", "icmp"), "+built-in:echo");
}

#[test]
fn a_full_tunnel_opens_the_public_internet() {
    let access = access(&[tunnel(1, &[], &[])]);
    assert!(access.is_full_tunnel());
    let v4 = [
        "1.0.0.0-9.255.255.255",
        "11.0.0.0-100.63.255.255",
        "100.128.0.0-126.255.255.255",
        "128.0.0.0-169.253.255.255",
        "169.255.0.0-172.15.255.255",
        "172.32.0.0-191.255.255.255",
        "192.0.0.9-192.0.0.10",
        "192.0.1.0-192.0.1.255",
        "192.0.3.0-192.88.98.255",
        "192.88.100.0-192.167.255.255",
        "192.169.0.0-198.17.255.255",
        "198.20.0.0-198.51.99.255",
        "198.51.101.0-203.0.112.255",
        "203.0.114.0-223.255.255.255",
    ];
    let v6 = [
        "2000::-2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:1::1-2001:1::3",
        "2001:3::-2001:3:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:4:112::-2001:4:112:ffff:ffff:ffff:ffff:ffff",
        "2001:20::-2001:3f:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:200::-2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::-2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2003::-3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff:1000::-3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ];
    let dns = ["10.20.0.53-10.20.0.53 6-6 53-53", "10.20.0.53-10.20.0.53 17-17 53-53"];
    assert_eq!(lines(&access.profile()), [&v4[..], &v6, &dns].concat());
    assert_eq!(texts(&access.routes()), ["0.0.0.0/0", "::/0"]);
    assert_eq!(texts(&access.allowed_ips()), ["0.0.0.0/0", "::/0"]);
    // The resources say what is really open.
    assert!(access.resources().iter().all(|one| one.label == "policy 1"));
    assert!(access.resources().iter().any(|one| one.network.contains(ip("1.1.1.1"))));
    assert!(!access.resources().iter().any(|one| one.network.contains(ip("10.0.0.1"))));
}

#[test]
fn a_full_tunnel_does_not_open_internal_networks() {
    let inner = Surroundings {
        internal_networks: nets(&["1.2.3.0/24", "2606:4700::/32"]),
        tunnel_networks: nets(&["9.9.0.0/16"]),
        ..around()
    };
    let rules = [tunnel(1, &["1.2.3.4/32", "192.168.1.0/24"], &["tcp/443"])];
    let access = access_in(&rules, inner);
    for (dst, expected) in [
        ("1.2.2.255", "+1"),
        ("1.2.3.0", "-default"),
        ("1.2.3.4", "+1"),
        ("1.2.3.255", "-default"),
        ("1.2.4.0", "+1"),
        ("9.9.0.5", "-default"),
        ("192.168.1.1", "+1"),
        ("192.168.2.1", "-default"),
        ("2606:4700::1", "-default"),
        ("2606:4701::1", "+1"),
    ] {
        assert_eq!(verdict(&access, dst, "tcp/443"), expected, "{dst}");
        assert_eq!(access.profile().contains(&packet(dst, "tcp/443")), expected == "+1", "{dst}");
        // The services apply to both.
        assert_eq!(verdict(&access, dst, "tcp/80"), "-default", "{dst}");
    }
}

#[test]
fn a_denial_of_some_services_does_not_subtract() {
    let all = allow(1, &["10.1.0.0/24"], &[]);
    let some = access(&[all.clone(), deny(2, &["10.1.0.128/25"], &["tcp/22"])]);
    assert_eq!(texts(&some.allowed_ips()), ["10.1.0.0/24"]);
    let every = access(&[all, deny(2, &["10.1.0.128/25"], &[])]);
    assert_eq!(texts(&every.allowed_ips()), ["10.1.0.0/25"]);
    // An allowance of what is denied already opens nothing.
    let web = deny(1, &["10.1.0.0/24"], &["tcp"]);
    let shadowed = access(&[web, allow(2, &["10.1.0.0/24"], &["tcp/443"])]);
    assert!(shadowed.allowed_ips().is_empty());
}

#[test]
fn resources_split_where_the_first_allowing_policy_changes() {
    let rules = [
        allow(1, &["10.1.0.64/26"], &["tcp/443"]),
        allow(2, &["10.1.0.0/24", "fd00::/64"], &[]),
        deny(3, &["10.1.0.0/28"], &["udp"]),
    ];
    let resources = access(&rules).resources();
    let list: Vec<_> =
        resources.iter().map(|one| format!("{} {}", one.network, one.label)).collect();
    assert_eq!(
        list,
        [
            "10.1.0.0/26 policy 2",
            "10.1.0.64/26 policy 1",
            "10.1.0.128/25 policy 2",
            "fd00::/64 policy 2",
        ]
    );
    assert_eq!(texts(&access(&rules).allowed_ips()), ["10.1.0.0/24", "fd00::/64"]);

    // A policy all of whose services are denied before it opens nothing, even where a later policy
    // or built-in DNS lets something else pass.
    let shadowed =
        [deny(1, &["10.20.0.52/31"], &["tcp"]), allow(2, &["10.20.0.52/31"], &["tcp/443"])];
    assert!(access(&shadowed).resources().is_empty() && access(&shadowed).allowed_ips().is_empty());
    let rules = [&shadowed[..], &[allow(3, &["10.20.0.52/32"], &[])]].concat();
    let resources = access(&rules).resources();
    assert_eq!((resources.len(), resources[0].label.as_str()), (1, "policy 3"));
    assert_eq!(texts(&[resources[0].network]), ["10.20.0.52/32"]);
}

#[test]
fn the_endpoint_stays_outside_the_tunnel() {
    let near = || Surroundings { endpoint: Some(ip("10.1.0.1")), ..without_v6() };
    let access = access_in(&[allow(1, &["10.1.0.0/30"], &[])], near());
    assert_eq!(texts(&access.allowed_ips()), ["10.1.0.0/30"]);
    assert_eq!(
        texts(&access.routes()),
        ["10.1.0.0/32", "10.1.0.2/31", "10.20.0.53/32", "100.96.0.1/32"]
    );
    let tunnelled = access_in(&[tunnel(1, &["10.1.0.0/30"], &[])], near());
    assert_eq!(texts(&tunnelled.routes()), ["0.0.0.0/0", "::/0"]);
}
