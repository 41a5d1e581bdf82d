//! Random policies against the reference, and what must hold for all of them.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use ipnetwork::IpNetwork;
use proptest::prelude::*;
use uuid::Uuid;

use crate::{
    access::{
        self, Access, DecidedBy, Packet, PortBox, Rule,
        interval::{Family, Interval, difference, networks, subtract, union},
        public,
        testing::{self, Case},
    },
    ids::PolicyId,
    values::PolicyEffect,
};

/// 256 cases of 100 probes.
pub(super) fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) }
}

fn probed() -> impl Strategy<Value = (Case, Vec<Packet>)> {
    testing::cases().prop_flat_map(|case| {
        let probes = testing::probes(&case, 100);
        (Just(case), probes)
    })
}

/// The networks are in order, disjoint, and no two of them make a larger one: then they are the
/// fewest for what they cover.
pub(super) fn fewest(list: &[IpNetwork]) -> bool {
    let ordered = list.windows(2).all(|pair| match (pair[0], pair[1]) {
        (IpNetwork::V4(a), IpNetwork::V4(b)) => a.broadcast() < b.network(),
        (IpNetwork::V6(a), IpNetwork::V6(b)) => a.broadcast() < b.network(),
        (a, b) => a.is_ipv4() && b.is_ipv6(),
    });
    let siblings = list.windows(2).any(|pair| {
        let parent = |network: &IpNetwork| IpNetwork::new(network.ip(), network.prefix() - 1).ok();
        pair[0].prefix() == pair[1].prefix()
            && pair[0].is_ipv4() == pair[1].is_ipv4()
            && pair[0].prefix() > 0
            && parent(&pair[0]).is_some_and(|parent| parent.contains(pair[1].ip()))
    });
    ordered && !siblings
}

fn overlap(a: &PortBox, b: &PortBox) -> bool {
    a.first <= b.last
        && b.first <= a.last
        && a.protocols.0 <= b.protocols.1
        && b.protocols.0 <= a.protocols.1
        && a.ports.0 <= b.ports.1
        && b.ports.0 <= a.ports.1
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn decides_as_the_reference((case, packets) in probed()) {
        let access = case.access();
        let profile = access.profile();
        for packet in packets {
            let expected = testing::decide(&case.rules, &case.around, &packet);
            let decision = access.decide(&packet);
            prop_assert_eq!(decision, expected, "{:?}", packet);
            // Echo is answered by the input hook itself, without the profile.
            if expected.by != DecidedBy::BuiltInEcho {
                prop_assert_eq!(profile.contains(&packet), expected.allowed, "{:?}", packet);
            }
            let explained = access.explain(&packet);
            let first = explained.iter().find(|one| one.matched);
            prop_assert_eq!(first.map_or(DecidedBy::Default, |one| one.rule), expected.by);
        }
    }

    /// Gateways that differ in what matters seldom, often enough in what matters.
    #[test]
    fn what_opens_the_same_evaluates_to_the_same(
        (case, other, alike) in (testing::cases(), testing::cases(), any::<u8>()),
    ) {
        let rules: Vec<Arc<Rule>> = case.rules.iter().cloned().map(Into::into).collect();
        let mut around = other.around;
        if alike > 30 {
            around.dns_servers.clone_from(&case.around.dns_servers);
            around.has_v6 = case.around.has_v6;
        }
        let one = Access::new(rules.iter().cloned(), case.around.clone());
        let another = Access::new(rules, around);
        if another.opens_as(&one) {
            prop_assert_eq!(another.evaluate(), one.evaluate());
            let (_, opened) = one.evaluate();
            prop_assert_eq!(another.routes_through(&opened), another.routes());
        }
    }

    #[test]
    fn no_profile_is_larger_than_its_bound(case in testing::cases()) {
        let extent = access::Extent {
            dns_servers: case.around.dns_servers.len(),
            closed: case.around.closed_to_full_tunnels().count(),
        };
        let most = access::most_boxes(&case.rules, extent);
        prop_assert!(case.access().box_count() <= most, "{}", most);
    }

    #[test]
    fn boxes_are_canonical(case in testing::cases()) {
        let profile = case.access().profile();
        let apart4 = profile.v4.windows(2).all(|p| p[0].1.to_bits().checked_add(1) < Some(p[1].0.to_bits()));
        let apart6 = profile.v6.windows(2).all(|p| p[0].1.to_bits().checked_add(1) < Some(p[1].0.to_bits()));
        prop_assert!(apart4 && apart6);
        let v4 = profile.v4.iter().map(|(a, b)| (IpAddr::V4(*a), IpAddr::V4(*b)));
        let v6 = profile.v6.iter().map(|(a, b)| (IpAddr::V6(*a), IpAddr::V6(*b)));
        let mut boxes: Vec<PortBox> = v4
            .chain(v6)
            .map(|(first, last)| PortBox { first, last, protocols: (0, 255), ports: (0, 65535) })
            .collect();
        for list in [&profile.v4_ports, &profile.v6_ports] {
            prop_assert!(list.is_sorted());
            boxes.extend(list);
        }
        for (i, one) in boxes.iter().enumerate() {
            prop_assert!(one.first <= one.last && one.first.is_ipv4() == one.last.is_ipv4());
            prop_assert!(!boxes[i + 1..].iter().any(|other| overlap(one, other)), "{:?}", one);
        }
        // Two address ranges with the same boxes are never neighbours.
        for list in [&profile.v4_ports, &profile.v6_ports] {
            let groups: Vec<&[PortBox]> = list.chunk_by(|a, b| a.first == b.first).collect();
            for pair in groups.windows(2) {
                let end = Interval::single(pair[0][0].last);
                let neighbours = end.touches(&Interval::single(pair[1][0].first));
                let shape = |group: &[PortBox]| -> Vec<_> {
                    group.iter().map(|one| (one.protocols, one.ports)).collect()
                };
                prop_assert!(!neighbours || shape(pair[0]) != shape(pair[1]));
            }
        }
        // Within one range ports are merged per protocol, and protocols with equal ports.
        for list in [&profile.v4_ports, &profile.v6_ports] {
            for group in list.chunk_by(|a, b| a.first == b.first) {
                let runs: Vec<&[PortBox]> =
                    group.chunk_by(|a, b| a.protocols == b.protocols).collect();
                let ports = |run: &[PortBox]| run.iter().map(|one| one.ports).collect::<Vec<_>>();
                for run in &runs {
                    prop_assert!(ports(run).windows(2).all(|p| p[0].1.checked_add(1) < Some(p[1].0)));
                }
                for pair in runs.windows(2) {
                    let end = pair[0][0].protocols.1.checked_add(1);
                    let neighbours = end == Some(pair[1][0].protocols.0);
                    prop_assert!(!neighbours || ports(pair[0]) != ports(pair[1]));
                }
            }
        }
        prop_assert_eq!(profile.box_count(), boxes.len());
    }

    #[test]
    fn equal_access_is_an_equal_profile((case, other) in testing::pairs()) {
        let (one, two) = (case.access(), other.access());
        prop_assert_eq!(one.profile(), two.profile());
        prop_assert_eq!(one.allowed_ips(), two.allowed_ips());
        prop_assert_eq!(one.routes(), two.routes());
    }

    #[test]
    fn networks_cover_exactly_what_policies_open((case, packets) in probed()) {
        let access = case.access();
        let (allowed, resources, routes) =
            (access.allowed_ips(), access.resources(), access.routes());
        prop_assert!(fewest(&allowed) && fewest(&routes) && !routes.is_empty());
        for (i, one) in resources.iter().enumerate() {
            let clash = resources[i + 1..].iter().find(|other| {
                other.network.contains(one.network.ip()) || one.network.contains(other.network.ip())
            });
            prop_assert!(clash.is_none(), "{:?} {:?}", one, clash);
        }
        let tunnel = case.rules.iter().any(|rule| rule.full_tunnel);
        prop_assert_eq!(access.is_full_tunnel(), tunnel);
        let services = testing::services_of_interest(&case);
        for ip in packets.iter().map(|packet| packet.dst).collect::<HashSet<_>>() {
            let opener = testing::opened_by(&case.rules, &case.around, ip, &services);
            let resource = resources.iter().find(|one| one.network.contains(ip));
            prop_assert_eq!(
                resource.map(|one| &one.label), opener.map(|rule| &rule.name), "{}", ip
            );
            let within = |list: &[IpNetwork]| list.iter().any(|network| network.contains(ip));
            prop_assert_eq!(within(&allowed), tunnel || opener.is_some(), "{}", ip);
            let around = &case.around;
            let usable = ip.is_ipv4() || around.has_v6;
            let own = around.gateway_addresses.iter().any(|one| one == ip);
            let served = opener.is_some() || (usable && around.dns_servers.contains(&ip));
            let routed = tunnel || own || (served && around.endpoint != Some(ip));
            prop_assert_eq!(within(&routes), routed, "{}", ip);
        }
    }

    #[test]
    fn boxes_are_counted_without_making_them(case in testing::cases()) {
        let access = case.access();
        prop_assert_eq!(access.box_count(), access.profile().box_count());
    }

    #[test]
    fn public_addresses_are_those_of_the_registries(bits in any::<u128>(), shift in 0u32..128) {
        // Small and large numbers alike, and the neighbourhood of 2001::/16.
        let low = bits >> shift;
        let numbers = [low, bits, (0x2001 << 112) | (low >> 16), (0x2 << 124) | (bits >> 4)];
        for ip in numbers.map(|number| Family::V6.ip(number)) {
            prop_assert_eq!(public::contains(ip), testing::is_public(ip), "{}", ip);
        }
        let v4 = Family::V4.ip(bits >> 96);
        prop_assert_eq!(public::contains(v4), testing::is_public(v4), "{}", v4);
    }

    #[test]
    fn holes_are_taken_out_at_once_as_one_by_one(
        ranges in prop::collection::vec((0u128..200, 0u128..30), 0..12),
        holes in prop::collection::vec((0u128..200, 0u128..30), 0..12),
        up in any::<bool>(),
    ) {
        // At either end of the numbers.
        let interval = |(at, length): (u128, u128)| {
            let (first, last) = (at, at + length);
            if up {
                Interval { first: u128::MAX - last, last: u128::MAX - first }
            } else {
                Interval { first, last }
            }
        };
        let ranges = union(ranges.into_iter().map(interval).collect());
        let holes = union(holes.into_iter().map(interval).collect());
        let mut expected = ranges.clone();
        holes.iter().for_each(|hole| subtract(&mut expected, *hole));
        prop_assert_eq!(difference(&ranges, &holes), expected);
    }

    #[test]
    fn ranges_become_networks_and_back(a in any::<u128>(), b in any::<u128>(), shift in 0u32..128) {
        for (family, a, b) in [(Family::V4, a >> 96, b >> 96), (Family::V6, a, a ^ (b >> shift))] {
            let range = Interval { first: a.min(b), last: a.max(b) };
            let list = networks(family, range);
            prop_assert!(fewest(&list));
            let back = union(list.iter().copied().map(Interval::of).collect());
            prop_assert_eq!(&back, &vec![range]);
            let mut rest = vec![Interval { first: 0, last: family.last() }];
            subtract(&mut rest, range);
            rest.push(range);
            prop_assert_eq!(union(rest), vec![Interval { first: 0, last: family.last() }]);
        }
    }
}

#[test]
fn the_whole_space_is_one_network() {
    for family in [Family::V4, Family::V6] {
        let all = networks(family, Interval { first: 0, last: family.last() });
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].prefix(), 0);
    }
}

/// 200 policies of some destinations and services each are evaluated in no time.
#[test]
fn two_hundred_policies_are_quick() {
    let rules: Vec<Arc<Rule>> = (0..200u32)
        .map(|n| {
            let services =
                if n % 3 == 0 { "[]" } else { r#"[{"protocol":"tcp","ports":["443"]}]"# };
            let [a, b] = [n / 16, n % 16];
            let nets =
                [format!("10.{a}.{b}.0/24"), format!("10.{b}.0.0/16"), format!("fd{n:02x}::/48")];
            Arc::new(Rule {
                id: PolicyId(Uuid::from_u128(n.into())),
                name: format!("policy {n}"),
                priority: n % 7,
                effect: if n % 5 == 0 { PolicyEffect::Deny } else { PolicyEffect::Allow },
                full_tunnel: n == 199,
                destinations: nets.iter().map(|text| text.parse().unwrap()).collect(),
                services: serde_json::from_str(services).unwrap(),
                age: n.into(),
            })
        })
        .collect();
    let around = Arc::new(super::golden::around());
    let started = std::time::Instant::now();
    for _ in 0..10 {
        let access = Access::new(rules.iter().cloned(), Arc::clone(&around));
        assert!(access.profile().box_count() > 100);
    }
    // About 0.2 ms optimised and 3 ms in a debug build: the bound is for a very busy machine.
    let each = started.elapsed() / 10;
    println!("one profile of 200 policies: {each:?}");
    assert!(each.as_millis() < 250, "{each:?}");
}
