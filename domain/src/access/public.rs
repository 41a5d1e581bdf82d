//! The public internet, which a full tunnel opens.
//!
//! From the IANA IPv4 and IPv6 Special-Purpose Address Registries as updated on 2025-10-09
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry/>,
//! <https://www.iana.org/assignments/iana-ipv6-special-registry/>; RFC 6890, RFC 8190). An entry is
//! public only where its column "Globally Reachable" says True; where it says N/A (Teredo, 6to4
//! and its relays, the first ORCHID) it is not. The most specific entry counts. Entries that change
//! nothing, because a wider one says the same, are left out.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};

use super::interval::{Family, Interval, number, subtract, union};

/// The entries of a family: address, prefix length, globally reachable. Wider ones come first.
type Entries<A> = [(A, u8, bool)];

const fn a(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

const V4: &Entries<Ipv4Addr> = &[
    (a(224, 0, 0, 0), 4, false),     // multicast, RFC 5771
    (a(240, 0, 0, 0), 4, false),     // reserved, RFC 1112; limited broadcast, RFC 919
    (a(0, 0, 0, 0), 8, false),       // this network, RFC 791
    (a(10, 0, 0, 0), 8, false),      // private use, RFC 1918
    (a(127, 0, 0, 0), 8, false),     // loopback, RFC 1122
    (a(100, 64, 0, 0), 10, false),   // shared address space, RFC 6598
    (a(172, 16, 0, 0), 12, false),   // private use, RFC 1918
    (a(198, 18, 0, 0), 15, false),   // benchmarking, RFC 2544
    (a(169, 254, 0, 0), 16, false),  // link local, RFC 3927
    (a(192, 168, 0, 0), 16, false),  // private use, RFC 1918
    (a(192, 0, 0, 0), 24, false),    // IETF protocol assignments, RFC 6890
    (a(192, 0, 2, 0), 24, false),    // documentation, RFC 5737
    (a(192, 88, 99, 0), 24, false),  // 6to4 relays (N/A), RFC 7526; 6a44 relay, RFC 6751
    (a(198, 51, 100, 0), 24, false), // documentation, RFC 5737
    (a(203, 0, 113, 0), 24, false),  // documentation, RFC 5737
    (a(192, 0, 0, 9), 32, true),     // port control protocol anycast, RFC 7723
    (a(192, 0, 0, 10), 32, true),    // TURN anycast, RFC 8155
];

const fn b(a: u16, b: u16, c: u16, h: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, h)
}

/// Those within 2000::/3, the only part that is assigned for global unicast.
const V6: &Entries<Ipv6Addr> = &[
    (b(0x2002, 0, 0, 0), 16, false),      // 6to4 (N/A), RFC 3056
    (b(0x3fff, 0, 0, 0), 20, false),      // documentation, RFC 9637
    (b(0x2001, 0, 0, 0), 23, false),      // IETF protocol assignments, RFC 2928; Teredo, RFC 4380
    (b(0x2001, 0x20, 0, 0), 28, true),    // ORCHIDv2, RFC 7343
    (b(0x2001, 0x30, 0, 0), 28, true),    // drone remote identification, RFC 9374
    (b(0x2001, 0x3, 0, 0), 32, true),     // AMT, RFC 7450
    (b(0x2001, 0xdb8, 0, 0), 32, false),  // documentation, RFC 3849
    (b(0x2001, 0x4, 0x112, 0), 48, true), // AS112, RFC 7535
    (b(0x2001, 0x1, 0, 1), 128, true),    // port control protocol anycast, RFC 7723
    (b(0x2001, 0x1, 0, 2), 128, true),    // TURN anycast, RFC 8155
    (b(0x2001, 0x1, 0, 3), 128, true),    // DNS-SD service registration anycast, RFC 9665
];

static V4_RANGES: LazyLock<Vec<Interval>> = LazyLock::new(|| {
    let entries = V4.iter().filter_map(|(address, prefix, reachable)| {
        Some((Ipv4Network::new(*address, *prefix).ok()?.into(), *reachable))
    });
    flatten(Interval { first: 0, last: Family::V4.last() }, entries)
});

static V6_RANGES: LazyLock<Vec<Interval>> = LazyLock::new(|| {
    let entries = V6.iter().filter_map(|(address, prefix, reachable)| {
        Some((Ipv6Network::new(*address, *prefix).ok()?.into(), *reachable))
    });
    let unicast = Interval { first: 0x2 << 124, last: (0x4 << 124) - 1 };
    flatten(unicast, entries)
});

fn flatten(all: Interval, entries: impl Iterator<Item = (IpNetwork, bool)>) -> Vec<Interval> {
    entries.fold(vec![all], |mut public, (network, reachable)| {
        if reachable {
            public.push(Interval::of(network));
            union(public)
        } else {
            subtract(&mut public, Interval::of(network));
            public
        }
    })
}

/// The public addresses of a family: disjoint ranges in order.
pub(super) fn ranges(family: Family) -> &'static [Interval] {
    match family {
        Family::V4 => &V4_RANGES,
        Family::V6 => &V6_RANGES,
    }
}

/// Whether any address of a network belongs to the public internet, so that a full tunnel could
/// open it.
#[must_use]
pub fn overlaps(network: &IpNetwork) -> bool {
    let Interval { first, last } = Interval::of(*network);
    let ranges = ranges(Family::of(network.ip()));
    let next = ranges.partition_point(|range| range.last < first);
    ranges.get(next).is_some_and(|range| range.first <= last)
}

/// Whether an address belongs to the public internet.
pub(super) fn contains(ip: IpAddr) -> bool {
    let number = number(ip);
    let ranges = ranges(Family::of(ip));
    let next = ranges.partition_point(|range| range.last < number);
    ranges.get(next).is_some_and(|range| range.first <= number)
}
