use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use nexavpn_domain::values::Pool;
use proptest::prelude::*;

fn pool(v4: &str, v6: Option<&str>) -> Pool {
    try_pool(v4, v6).unwrap()
}

fn try_pool(v4: &str, v6: Option<&str>) -> Result<Pool, (&'static str, String)> {
    Pool::new(v4.parse().unwrap(), v6.map(|n| n.parse().unwrap()))
}

fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    Some(text.parse().unwrap())
}

#[test]
fn the_smallest_pool_has_room_for_one_device() {
    let pool = pool("192.0.2.4/30", None);
    assert_eq!(pool.gateway_addresses().v4, v4("192.0.2.5"));
    assert_eq!((pool.first(), pool.end()), (2, 3));
    assert_eq!(pool.addresses(2).unwrap().v4, v4("192.0.2.6"));
    assert_eq!(pool.addresses(3), None, "the broadcast address");
    assert_eq!(pool.addresses(0), None, "the network");
}

#[test]
fn a_24_has_253_devices() {
    let pool = pool("10.8.0.0/24", None);
    let ips: BTreeSet<_> =
        (pool.first()..pool.end()).map(|n| pool.addresses(n).unwrap().v4).collect();
    assert_eq!(ips.len(), 253);
    assert_eq!(ips.first(), Some(&v4("10.8.0.2")));
    assert_eq!(ips.last(), Some(&v4("10.8.0.254")));
}

#[test]
fn ipv6_has_the_number_of_ipv4() {
    let pool = pool("100.96.0.0/16", Some("fd00:96::/64"));
    let addresses = pool.addresses(256).unwrap();
    assert_eq!(addresses.v4, v4("100.96.1.0"));
    assert_eq!(addresses.v6, v6("fd00:96::100"));
    assert_eq!(pool.gateway_addresses().v6, v6("fd00:96::1"));
    assert_eq!(addresses.iter().count(), 2);
    assert_eq!(pool.networks().count(), 2);
}

#[test]
fn a_small_ipv6_network_bounds_the_pool() {
    let pool = pool("10.0.0.0/8", Some("fd00::/120"));
    assert_eq!(pool.end(), 256);
    assert_eq!(pool.addresses(255).unwrap().v6, v6("fd00::ff"));
    assert_eq!(pool.addresses(256), None);
    assert_eq!(pool.slot_of("10.0.1.0".parse().unwrap()), None, "has no IPv6 partner");
}

#[test]
fn only_device_addresses_have_a_slot() {
    let pool = pool("10.8.0.0/24", Some("fd00:8::/64"));
    for none in [
        "10.8.0.0",
        "10.8.0.1",
        "10.8.0.255",
        "10.8.1.2",
        "10.7.255.254",
        "fd00:8::",
        "fd00:8::1",
        "fd00:8::ff",
        "fd00:8::1:0:0:2",
        "fd00:9::2",
    ] {
        assert_eq!(pool.slot_of(none.parse().unwrap()), None, "{none}");
    }
    assert_eq!(pool.slot_of("10.8.0.2".parse().unwrap()), Some(2));
    assert_eq!(pool.slot_of("fd00:8::fe".parse().unwrap()), Some(254));
}

#[test]
fn sizes_and_families_that_do_not_fit_are_refused_by_field() {
    for (v4, v6, field) in [
        ("10.0.0.0/7", None, "v4"),
        ("10.0.0.0/31", None, "v4"),
        ("10.0.0.0/32", None, "v4"),
        ("fd00::/64", None, "v4"),
        ("127.0.0.0/8", None, "v4"),
        ("224.0.0.0/8", None, "v4"),
        ("0.0.0.0/8", None, "v4"),
        ("10.0.0.0/24", Some("10.1.0.0/24"), "v6"),
        ("10.0.0.0/24", Some("fd00::/63"), "v6"),
        ("10.0.0.0/24", Some("fd00::/121"), "v6"),
        ("10.0.0.0/24", Some("ff00::/64"), "v6"),
        ("10.0.0.0/24", Some("::/64"), "v6"),
        ("10.0.0.0/24", Some("::1/120"), "v6"),
    ] {
        assert_eq!(try_pool(v4, v6).unwrap_err().0, field, "{v4} {v6:?}");
    }
    for (v4, v6) in [("10.0.0.0/8", Some("fd00::/64")), ("10.0.0.0/30", Some("fd00::/120"))] {
        assert!(try_pool(v4, v6).is_ok());
    }
}

#[test]
fn overlap_in_one_family_is_enough() {
    let one = pool("10.8.0.0/24", Some("fd00:8::/64"));
    for (other, overlaps) in [
        (pool("10.8.0.0/24", None), true),
        (pool("10.8.0.0/16", None), true),
        (pool("10.8.0.128/25", None), true),
        (pool("10.8.1.0/24", None), false),
        (pool("10.9.0.0/24", Some("fd00:8::/120")), true),
        (pool("10.9.0.0/24", Some("fd00:9::/64")), false),
    ] {
        assert_eq!(one.overlaps(&other), overlaps, "{other:?}");
        assert_eq!(other.overlaps(&one), overlaps, "{other:?}");
    }
}

fn any_pool() -> impl Strategy<Value = Pool> {
    (any::<u32>(), 8u8..=30, any::<u128>(), 64u8..=120, any::<bool>()).prop_filter_map(
        "not a network for a pool",
        |(a, p, b, q, with_v6)| {
            let a = Ipv4Network::new(Ipv4Addr::from(a), p).ok()?;
            let b = Ipv6Network::new(Ipv6Addr::from(b), q).ok()?;
            let a = IpNetwork::new(a.network().into(), p).ok()?;
            let b = IpNetwork::new(b.network().into(), q).ok()?;
            Pool::new(a, with_v6.then_some(b)).ok()
        },
    )
}

proptest! {
    #[test]
    fn every_slot_is_a_device_address_and_back(pool in any_pool(), seed: u32) {
        let slot = pool.first() + seed % (pool.end() - pool.first());
        let addresses = pool.addresses(slot).unwrap();
        for ip in addresses.iter() {
            prop_assert_eq!(pool.slot_of(ip), Some(slot));
            prop_assert!(pool.networks().any(|n| n.contains(ip)));
            prop_assert!(pool.gateway_addresses().iter().all(|g| g != ip));
        }
        prop_assert!(addresses.v4 != pool.v4.network() && addresses.v4 != pool.v4.broadcast());
        prop_assert_eq!(addresses.v6.is_some(), pool.v6.is_some());
        prop_assert_eq!(pool.addresses(pool.end()), None);
        prop_assert_eq!(pool.addresses(u32::MAX), None);
    }

    #[test]
    fn an_address_with_a_slot_is_the_one_of_that_slot(pool in any_pool(), ip: u32) {
        let offset = ip % (1 << (32 - pool.v4.prefix()));
        let ip = IpAddr::V4(Ipv4Addr::from(u32::from(pool.v4.network()) + offset));
        if let Some(slot) = pool.slot_of(ip) {
            prop_assert_eq!(IpAddr::V4(pool.addresses(slot).unwrap().v4), ip);
        }
    }

    #[test]
    fn a_pool_overlaps_itself_and_overlap_has_no_direction(a in any_pool(), b in any_pool()) {
        prop_assert!(a.overlaps(&a));
        prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
    }
}
