//! As many port ranges, destinations and policies as the limits allow.
//!
//! The bounds are for a busy machine and a debug build; what they catch is work that grows with the
//! square or the cube.

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use ipnetwork::{IpNetwork, Ipv4Network};
use uuid::Uuid;

use crate::{
    access::{Access, Rule, Surroundings},
    ids::PolicyId,
    values::{PolicyEffect, Ports, Protocol, Service},
};

const BOUND: Duration = Duration::from_secs(5);

/// Every other /32 from an address on, so that none of them touch.
fn apart(first: [u8; 4], n: u32) -> Vec<IpNetwork> {
    let first = Ipv4Addr::from(first).to_bits();
    let each = (0..n).map(|i| Ipv4Network::new(Ipv4Addr::from_bits(first + 2 * i), 32).unwrap());
    each.map(IpNetwork::V4).collect()
}

/// Every other port, backwards, so that none of them touch and none are in order.
fn ports_apart(n: u16) -> Vec<Ports> {
    (0..n).rev().map(|i| Ports { first: 2 * i, last: 2 * i }).collect()
}

fn allow(number: u32, destinations: Vec<IpNetwork>, services: Vec<Service>) -> Rule {
    Rule {
        id: PolicyId(Uuid::from_u128(number.into())),
        name: format!("policy {number}"),
        priority: 100,
        effect: PolicyEffect::Allow,
        full_tunnel: false,
        destinations,
        services,
        age: number.into(),
    }
}

/// The profile's boxes, and how long it took.
fn timed(rules: Vec<Rule>, around: Surroundings) -> usize {
    let started = Instant::now();
    let access = Access::new(rules.into_iter().map(Arc::new), around);
    let boxes = access.profile().box_count();
    let took = started.elapsed();
    println!("{boxes} boxes in {took:?}");
    assert!(took < BOUND, "{boxes} boxes took {took:?}");
    boxes
}

#[test]
fn a_thousand_port_ranges_at_a_thousand_destinations() {
    let in_one = vec![Service { protocol: Protocol::TCP, ports: ports_apart(1000) }];
    let each = |ports| Service { protocol: Protocol::TCP, ports: vec![ports] };
    let one_each: Vec<Service> = ports_apart(1000).into_iter().map(each).collect();
    for services in [in_one, one_each] {
        let rule = allow(1, apart([10, 1, 0, 0], 1000), services);
        assert_eq!(timed(vec![rule], Surroundings::nowhere()), 1_000_000);
    }
}

#[test]
fn a_thousand_policies_about_the_same_hundred_destinations() {
    // None of them leaves the next one nothing to say, except for two kinds of services.
    let rules = (0..1000u32).map(|n| {
        let ports = Ports { first: 443 + (n % 2) as u16 * 100, last: 443 + (n % 2) as u16 * 100 };
        let services = vec![Service { protocol: Protocol::TCP, ports: vec![ports] }];
        allow(n, apart([10, 1, 0, 0], 100), services)
    });
    assert_eq!(timed(rules.collect(), Surroundings::nowhere()), 200);
}

#[test]
fn five_hundred_policies_one_around_the_other() {
    // Policy n is about all from n to the end: all of them are active at the last address.
    let rules = (0..500u32).map(|n| {
        let ports = vec![Ports { first: 443, last: 443 }];
        let services = vec![Service { protocol: Protocol::TCP, ports }];
        let all = apart([10, 1, 0, 0], 500);
        allow(n, all[n as usize..].to_vec(), services)
    });
    assert_eq!(timed(rules.collect(), Surroundings::nowhere()), 500);
}

#[test]
fn a_thousand_full_tunnels_around_thousands_of_internal_networks() {
    let tcp = || vec![Service { protocol: Protocol::TCP, ports: vec![] }];
    let rules: Vec<Rule> =
        (0..1000).map(|n| Rule { full_tunnel: true, ..allow(n, vec![], tcp()) }).collect();
    let around = || Surroundings { has_v6: false, ..Surroundings::nowhere() };
    let without = timed(rules.clone(), around());
    let closed = Surroundings { internal_networks: apart([9, 0, 0, 0], 5000), ..around() };
    // 9.0.0.0 lies in the middle of a public range, and each hole splits one.
    assert_eq!(timed(rules, closed), without + 5000);
}
