//! Sets of services: parts of the plane of protocols (0–255) and ports (0–65535).

use std::collections::BTreeMap;

use crate::values::{Ports, Protocol, Service};

/// Disjoint inclusive ranges of ports in order, no two of them touching.
type PortSet = Vec<(u16, u16)>;

const ALL_PORTS: (u16, u16) = (0, u16::MAX);

/// Neighbouring protocols that have the same ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    pub(super) protocols: (u8, u8),
    /// Never empty.
    pub(super) ports: PortSet,
}

/// A set of services in canonical form: runs as long as possible, in order. Protocols without
/// ports have either all ports or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
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
        services.iter().fold(Self::default(), |set, service| {
            let Protocol(number) = service.protocol;
            let ports = if service.ports.is_empty() || !service.protocol.has_ports() {
                vec![ALL_PORTS]
            } else {
                let ranges = service.ports.iter().filter(|range| range.first <= range.last);
                ranges.fold(PortSet::new(), |ports, Ports { first, last }| {
                    combine_ports(&ports, &[(*first, *last)], |a, b| a || b)
                })
            };
            let run = Run { protocols: (number, number), ports };
            combine(&set, &Self(vec![run]), |a, b| a || b)
        })
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

/// What `keep` says of being in `a` and in `b`, for every protocol and port.
fn combine(a: &ServiceSet, b: &ServiceSet, keep: fn(bool, bool) -> bool) -> ServiceSet {
    let mut starts: Vec<u16> = vec![0, 256];
    for run in a.0.iter().chain(&b.0) {
        starts.extend([u16::from(run.protocols.0), u16::from(run.protocols.1) + 1]);
    }
    starts.sort_unstable();
    starts.dedup();
    let mut runs: Vec<Run> = Vec::new();
    for (first, next) in starts.iter().zip(&starts[1..]) {
        // Both are at most 255: 256 only ends the last stretch.
        let (first, last) = (*first as u8, (*next - 1) as u8);
        let ports = combine_ports(a.ports_of(first), b.ports_of(first), keep);
        match runs.last_mut() {
            _ if ports.is_empty() => {}
            Some(before)
                if before.protocols.1.checked_add(1) == Some(first) && before.ports == ports =>
            {
                before.protocols.1 = last;
            }
            _ => runs.push(Run { protocols: (first, last), ports }),
        }
    }
    ServiceSet(runs)
}

fn combine_ports(a: &[(u16, u16)], b: &[(u16, u16)], keep: fn(bool, bool) -> bool) -> PortSet {
    let within = |set: &[(u16, u16)], port| set.iter().any(|(x, y)| (*x..=*y).contains(&port));
    let mut starts: Vec<u32> = vec![0, 1 << 16];
    for (first, last) in a.iter().chain(b) {
        starts.extend([u32::from(*first), u32::from(*last) + 1]);
    }
    starts.sort_unstable();
    starts.dedup();
    let mut ports = PortSet::new();
    for (first, next) in starts.iter().zip(&starts[1..]) {
        // Both are at most 65535: 65536 only ends the last stretch.
        let (first, last) = (*first as u16, (*next - 1) as u16);
        if !keep(within(a, first), within(b, first)) {
            continue;
        }
        match ports.last_mut() {
            Some(before) if before.1.checked_add(1) == Some(first) => before.1 = last,
            _ => ports.push((first, last)),
        }
    }
    ports
}

/// The number of an interned set: equal numbers are equal sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SetId(usize);

/// How far the decision about an address has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Progress {
    /// What no rule has decided yet.
    pub(super) open: SetId,
    /// What passes.
    pub(super) allowed: SetId,
}

/// Service sets, each kept once, and the steps between them. A sweep meets the same few sets at
/// thousands of addresses, so each step is worked out once.
#[derive(Debug)]
pub(super) struct Interner {
    sets: Vec<ServiceSet>,
    ids: BTreeMap<ServiceSet, SetId>,
    steps: BTreeMap<(Progress, SetId, bool), Progress>,
}

impl Interner {
    pub(super) const NONE: SetId = SetId(0);
    pub(super) const ALL: SetId = SetId(1);
    /// Nothing decided.
    pub(super) const START: Progress = Progress { open: Self::ALL, allowed: Self::NONE };

    pub(super) fn new() -> Self {
        let mut new = Self { sets: vec![], ids: BTreeMap::new(), steps: BTreeMap::new() };
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

    /// Asks the next rule, which is about `services`.
    pub(super) fn step(&mut self, now: Progress, services: SetId, allows: bool) -> Progress {
        if services == Self::ALL && (!allows || now.allowed == Self::NONE) {
            let allowed = if allows { now.open } else { now.allowed };
            return Progress { open: Self::NONE, allowed };
        }
        if let Some(after) = self.steps.get(&(now, services, allows)) {
            return *after;
        }
        let set = |SetId(id): SetId| &self.sets[id];
        let decided = combine(set(now.open), set(services), |a, b| a && b);
        let open = combine(set(now.open), set(services), |a, b| a && !b);
        let allowed = combine(set(now.allowed), &decided, |a, b| a || b);
        let open = self.intern(open);
        let allowed = if allows { self.intern(allowed) } else { now.allowed };
        let after = Progress { open, allowed };
        self.steps.insert((now, services, allows), after);
        after
    }
}
