//! Addresses as numbers: ranges, and the networks they are made of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    const fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    pub(super) const fn last(self) -> u128 {
        u128::MAX >> (128 - self.bits())
    }

    /// The address of a number.
    pub(super) fn ip(self, number: u128) -> IpAddr {
        match self {
            Self::V4 => v4(number).into(),
            Self::V6 => Ipv6Addr::from_bits(number).into(),
        }
    }
}

/// The IPv4 address of a number.
pub(super) fn v4(number: u128) -> Ipv4Addr {
    // Numbers of this family come from IPv4 addresses, so nothing is cut off.
    Ipv4Addr::from_bits(number as u32)
}

/// The number of an address.
pub(super) fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// An inclusive range of addresses of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Interval {
    pub(super) first: u128,
    pub(super) last: u128,
}

impl Interval {
    pub(super) fn of(network: IpNetwork) -> Self {
        Self { first: number(network.network()), last: number(network.broadcast()) }
    }

    pub(super) fn single(ip: IpAddr) -> Self {
        Self { first: number(ip), last: number(ip) }
    }

    /// Whether the other begins right behind this one.
    pub(super) fn touches(&self, next: &Self) -> bool {
        self.last.checked_add(1) == Some(next.first)
    }
}

/// Sorts ranges and joins those that overlap or touch.
pub(super) fn union(mut ranges: Vec<Interval>) -> Vec<Interval> {
    ranges.sort_unstable();
    let mut joined: Vec<Interval> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(before) if range.first <= before.last || before.touches(&range) => {
                before.last = before.last.max(range.last);
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// Takes one range out of others.
pub(super) fn subtract(ranges: &mut Vec<Interval>, hole: Interval) {
    let overlaps = |range: &Interval| range.first <= hole.last && hole.first <= range.last;
    if !ranges.iter().any(overlaps) {
        return;
    }
    *ranges = ranges
        .iter()
        .flat_map(|range| {
            if !overlaps(range) {
                return [Some(*range), None];
            }
            let before = (range.first < hole.first)
                .then(|| Interval { first: range.first, last: hole.first - 1 });
            let after = (hole.last < range.last)
                .then(|| Interval { first: hole.last + 1, last: range.last });
            [before, after]
        })
        .flatten()
        .collect();
}

/// What of some ranges is in none of the holes; both are disjoint and in order.
pub(super) fn difference(ranges: &[Interval], holes: &[Interval]) -> Vec<Interval> {
    let mut left = Vec::with_capacity(ranges.len() + holes.len());
    let mut holes = holes;
    for range in ranges {
        let mut first = Some(range.first);
        while let (Some(from), [hole, later @ ..]) = (first, holes) {
            if hole.first > range.last {
                break;
            }
            if from < hole.first {
                left.push(Interval { first: from, last: hole.first - 1 });
            }
            if hole.last > range.last {
                // It may reach into the next range too.
                first = None;
                break;
            }
            // Behind the hole, unless that lies before all this.
            first = hole.last.checked_add(1).map(|next| next.max(from));
            holes = later;
        }
        left.extend(
            first
                .filter(|first| *first <= range.last)
                .map(|first| Interval { first, last: range.last }),
        );
    }
    left
}

/// The fewest networks that cover exactly a range, in order.
pub(super) fn networks(family: Family, range: Interval) -> Vec<IpNetwork> {
    let mut list = Vec::new();
    let mut first = range.first;
    loop {
        // The largest block that begins here is bounded by the alignment and by what is left.
        let aligned = first.trailing_zeros().min(family.bits());
        let fits = (range.last - first).checked_add(1).map_or(u128::BITS, u128::ilog2);
        let bits = aligned.min(fits);
        let last = first | u128::MAX.checked_shr(u128::BITS - bits).unwrap_or(0);
        // At most 128, and never more than the family has: `new` refuses nothing here.
        list.extend(IpNetwork::new(family.ip(first), (family.bits() - bits) as u8));
        if last >= range.last {
            return list;
        }
        first = last + 1;
    }
}
