//! Sets of services: parts of the plane of protocols (0–255) and ports (0–65535).

use std::collections::{BTreeMap, HashMap};

use crate::values::{Ports, Protocol, Service};

/// Disjoint inclusive ranges of ports in order, no two of them touching.
type PortSet = Vec<(u16, u16)>;

const ALL_PORTS: (u16, u16) = (0, u16::MAX);

/// Neighbouring protocols that have the same ports.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Run {
    /// The first and last protocol number.
    pub protocols: (u8, u8),
    /// The first and last port of each range, in order and never empty; 0–65535 for protocols
    /// without ports.
    pub ports: Vec<(u16, u16)>,
}

impl Run {
    /// Whether a protocol and port are among these.
    #[must_use]
    pub fn contains(&self, protocol: u8, port: u16) -> bool {
        (self.protocols.0..=self.protocols.1).contains(&protocol)
            && self.ports.iter().any(|(first, last)| (*first..=*last).contains(&port))
    }

    /// Whether these are all protocols with all ports.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.protocols == (0, u8::MAX) && self.has_all_ports()
    }

    /// Whether these are all ports.
    #[must_use]
    pub fn has_all_ports(&self) -> bool {
        self.ports == [ALL_PORTS]
    }
}

/// A set of services in canonical form: runs as long as possible, in order. Protocols without
/// ports have either all ports or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct ServiceSet(pub(super) Vec<Run>);

impl ServiceSet {
    pub(super) fn full() -> Self {
        Self(vec![Run { protocols: (0, u8::MAX), ports: vec![ALL_PORTS] }])
    }

    /// What a policy with these services is about; none means all.
    fn of(services: &[Service]) -> Self {
        if services.is_empty() {
            return Self::full();
        }
        let mut by_protocol: BTreeMap<u8, Vec<(u16, u16)>> = BTreeMap::new();
        for service in services {
            let Protocol(number) = service.protocol;
            let ranges = by_protocol.entry(number).or_default();
            if service.ports.is_empty() || !service.protocol.has_ports() {
                ranges.push(ALL_PORTS);
            } else {
                let ports = service.ports.iter().filter(|range| range.first <= range.last);
                ranges.extend(ports.map(|Ports { first, last }| (*first, *last)));
            }
        }
        let mut runs = Runs::default();
        for (protocol, ranges) in by_protocol {
            runs.push((protocol, protocol), union_of_ports(ranges));
        }
        Self(runs.0)
    }

    /// UDP and TCP port 53.
    fn dns() -> Self {
        let port = Ports { first: 53, last: 53 };
        Self::of(
            &[Protocol::UDP, Protocol::TCP].map(|protocol| Service { protocol, ports: vec![port] }),
        )
    }

    fn ports_of(&self, protocol: u8) -> &[(u16, u16)] {
        let next = self.0.partition_point(|run| run.protocols.1 < protocol);
        match self.0.get(next) {
            Some(run) if run.protocols.0 <= protocol => &run.ports,
            _ => &[],
        }
    }
}

/// Runs that are being put together, in order.
#[derive(Default)]
struct Runs(Vec<Run>);

impl Runs {
    /// Adds protocols behind the others; joins them to the last run where the ports are the same.
    fn push(&mut self, (first, last): (u8, u8), ports: PortSet) {
        match self.0.last_mut() {
            _ if ports.is_empty() => {}
            Some(before)
                if before.protocols.1.checked_add(1) == Some(first) && before.ports == ports =>
            {
                before.protocols.1 = last;
            }
            _ => self.0.push(Run { protocols: (first, last), ports }),
        }
    }
}

/// Sorts ranges of ports and joins those that overlap or touch.
fn union_of_ports(mut ranges: Vec<(u16, u16)>) -> PortSet {
    ranges.sort_unstable();
    let mut joined = PortSet::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if before.1.checked_add(1).is_none_or(|next| first <= next) => {
                before.1 = before.1.max(last);
            }
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// What `keep` says of being in `a` and in `b`, for every protocol and port.
fn combine(a: &ServiceSet, b: &ServiceSet, keep: fn(bool, bool) -> bool) -> ServiceSet {
    let mut starts: Vec<u16> = vec![0, 256];
    for run in a.0.iter().chain(&b.0) {
        starts.extend([u16::from(run.protocols.0), u16::from(run.protocols.1) + 1]);
    }
    starts.sort_unstable();
    starts.dedup();
    let mut runs = Runs::default();
    for (first, next) in starts.iter().zip(&starts[1..]) {
        // Both are at most 255: 256 only ends the last stretch.
        let (first, last) = (*first as u8, (*next - 1) as u8);
        runs.push((first, last), combine_ports(a.ports_of(first), b.ports_of(first), keep));
    }
    ServiceSet(runs.0)
}

fn combine_ports(a: &[(u16, u16)], b: &[(u16, u16)], keep: fn(bool, bool) -> bool) -> PortSet {
    let mut starts: Vec<u32> = vec![0, 1 << 16];
    for (first, last) in a.iter().chain(b) {
        starts.extend([u32::from(*first), u32::from(*last) + 1]);
    }
    starts.sort_unstable();
    starts.dedup();
    let (mut rest_of_a, mut rest_of_b) = (a, b);
    let mut ports = PortSet::new();
    for (first, next) in starts.iter().zip(&starts[1..]) {
        // Both are at most 65535: 65536 only ends the last stretch.
        let (first, last) = (*first as u16, (*next - 1) as u16);
        // Both are asked every time, so that neither falls behind.
        let (in_a, in_b) = (within(&mut rest_of_a, first), within(&mut rest_of_b, first));
        if !keep(in_a, in_b) {
            continue;
        }
        match ports.last_mut() {
            Some(before) if before.1.checked_add(1) == Some(first) => before.1 = last,
            _ => ports.push((first, last)),
        }
    }
    ports
}

/// Whether a port lies in one of the ranges; drops those before it, so that ports must be asked for
/// in ascending order.
fn within(rest: &mut &[(u16, u16)], port: u16) -> bool {
    while let [(_, last), later @ ..] = *rest
        && *last < port
    {
        *rest = later;
    }
    rest.first().is_some_and(|(first, _)| *first <= port)
}

/// The number of an interned set: equal numbers are equal sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SetId(usize);

/// What some neighbouring rules say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Verdict {
    /// What any of them decides.
    pub(super) decided: SetId,
    /// What of it passes.
    pub(super) allowed: SetId,
}

impl Verdict {
    /// What no rules say.
    pub(super) const NOTHING: Self = Self { decided: Interner::NONE, allowed: Interner::NONE };

    /// What one rule says that is about `services`.
    pub(super) const fn of(services: SetId, allows: bool) -> Self {
        Self { decided: services, allowed: if allows { services } else { Interner::NONE } }
    }
}

/// Service sets, each kept once, and what comes of asking rules in turn. A sweep meets the same few
/// sets at thousands of addresses, so each combination is worked out once.
#[derive(Debug)]
pub(super) struct Interner {
    sets: Vec<ServiceSet>,
    ids: HashMap<ServiceSet, SetId>,
    sequences: HashMap<(Verdict, Verdict), Verdict>,
    /// Of two sets, what is in both, and what is in the first only.
    shares: HashMap<(SetId, SetId), (SetId, SetId)>,
}

impl Interner {
    pub(super) const NONE: SetId = SetId(0);
    pub(super) const ALL: SetId = SetId(1);

    pub(super) fn new() -> Self {
        let mut new = Self {
            sets: vec![],
            ids: HashMap::new(),
            sequences: HashMap::new(),
            shares: HashMap::new(),
        };
        // In the order of the constants above.
        new.intern(ServiceSet::default());
        new.intern(ServiceSet::full());
        new
    }

    pub(super) fn services(&mut self, services: &[Service]) -> SetId {
        if services.is_empty() { Self::ALL } else { self.intern(ServiceSet::of(services)) }
    }

    pub(super) fn dns(&mut self) -> SetId {
        self.intern(ServiceSet::dns())
    }

    pub(super) fn runs(&self, SetId(id): SetId) -> &[Run] {
        &self.sets[id].0
    }

    fn intern(&mut self, set: ServiceSet) -> SetId {
        if let Some(id) = self.ids.get(&set) {
            return *id;
        }
        let id = SetId(self.sets.len());
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    /// What is in both sets.
    pub(super) fn both(&mut self, a: SetId, b: SetId) -> SetId {
        self.share(a, b).0
    }

    /// What is in the first set only.
    pub(super) fn without(&mut self, a: SetId, b: SetId) -> SetId {
        self.share(a, b).1
    }

    fn share(&mut self, a: SetId, b: SetId) -> (SetId, SetId) {
        match (a, b) {
            _ if a == b || b == Self::ALL => return (a, Self::NONE),
            (Self::NONE, _) | (_, Self::NONE) => return (Self::NONE, a),
            _ => {}
        }
        if let Some(known) = self.shares.get(&(a, b)) {
            return *known;
        }
        let set = |SetId(id): SetId| &self.sets[id];
        let both = combine(set(a), set(b), |a, b| a && b);
        let rest = combine(set(a), set(b), |a, b| a && !b);
        let known = (self.intern(both), self.intern(rest));
        self.shares.insert((a, b), known);
        known
    }

    /// What the first rules say and, about what they leave open, those behind them.
    pub(super) fn then(&mut self, first: Verdict, behind: Verdict) -> Verdict {
        if first.decided == Self::ALL || behind == Verdict::NOTHING {
            return first;
        }
        if first == Verdict::NOTHING {
            return behind;
        }
        if let Some(both) = self.sequences.get(&(first, behind)) {
            return *both;
        }
        let set = |SetId(id): SetId| &self.sets[id];
        let decided = combine(set(first.decided), set(behind.decided), |a, b| a || b);
        let added = combine(set(behind.allowed), set(first.decided), |a, b| a && !b);
        let allowed = combine(set(first.allowed), &added, |a, b| a || b);
        let both = Verdict { decided: self.intern(decided), allowed: self.intern(allowed) };
        self.sequences.insert((first, behind), both);
        both
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn port_ranges() -> impl Strategy<Value = Vec<(u16, u16)>> {
        // Close together at both ends, so that they overlap and touch; backwards ones are dropped.
        let port = || prop_oneof![0u16..40, u16::MAX - 20..=u16::MAX];
        vec((port(), port()), 0..12)
    }

    fn services() -> impl Strategy<Value = Vec<Service>> {
        let protocol = prop::sample::select(vec![0u8, 1, 5, 6, 7, 16, 17, 132, 255]);
        let service = (protocol, port_ranges()).prop_map(|(number, ranges)| Service {
            protocol: Protocol(number),
            ports: ranges.into_iter().map(|(first, last)| Ports { first, last }).collect(),
        });
        vec(service, 0..6)
    }

    /// Port by port, from the definition.
    fn slowly(keep: impl Fn(u16) -> bool) -> PortSet {
        let mut ports = PortSet::new();
        for port in (0..=u16::MAX).filter(|port| keep(*port)) {
            match ports.last_mut() {
                Some(before) if before.1.checked_add(1) == Some(port) => before.1 = port,
                _ => ports.push((port, port)),
            }
        }
        ports
    }

    fn contains(set: &[(u16, u16)], port: u16) -> bool {
        set.iter().any(|(first, last)| (*first..=*last).contains(&port))
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(64)
        })]

        #[test]
        fn sets_of_ports_are_combined_port_by_port(a in port_ranges(), b in port_ranges()) {
            let forwards = |list: Vec<(u16, u16)>| list.into_iter().filter(|(x, y)| x <= y);
            let (a, b): (Vec<_>, Vec<_>) = (forwards(a).collect(), forwards(b).collect());
            let (one, other) = (union_of_ports(a.clone()), union_of_ports(b.clone()));
            prop_assert_eq!(&one, &slowly(|port| contains(&a, port)));
            let keeps: [fn(bool, bool) -> bool; 3] =
                [|a, b| a || b, |a, b| a && b, |a, b| a && !b];
            for keep in keeps {
                let expected = slowly(|port| keep(contains(&a, port), contains(&b, port)));
                prop_assert_eq!(combine_ports(&one, &other, keep), expected);
            }
        }

        /// A set of services is what comes of adding them one range at a time.
        #[test]
        fn a_set_is_the_sum_of_its_services(services in services()) {
            let single = |service: &Service, ports: (u16, u16)| {
                let protocols = (service.protocol.0, service.protocol.0);
                ServiceSet(vec![Run { protocols, ports: vec![ports] }])
            };
            let mut sum = ServiceSet::default();
            for service in &services {
                let whole = service.ports.is_empty() || !service.protocol.has_ports();
                let all = whole.then_some(ALL_PORTS);
                let ranges = service.ports.iter().filter(|range| !whole && range.first <= range.last);
                for ports in all.into_iter().chain(ranges.map(|range| (range.first, range.last))) {
                    sum = combine(&sum, &single(service, ports), |a, b| a || b);
                }
            }
            let expected = if services.is_empty() { ServiceSet::full() } else { sum };
            prop_assert_eq!(ServiceSet::of(&services), expected);
        }
    }
}
