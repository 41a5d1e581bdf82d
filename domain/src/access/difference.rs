//! What one access has and another has not.
//!
//! Both are swept with the same service sets, so that what is gained and lost falls out of
//! comparing pieces. Only where they differ is it worked out who decides, on either side.

use std::{
    collections::{BTreeSet, HashMap},
    iter::Peekable,
    sync::Arc,
    vec,
};

use ipnetwork::IpNetwork;

use super::{
    Access, DecidedBy, Packet,
    interval::{Family, Interval, networks},
    services::{Interner, Run, SetId},
    sweep::{Boundary, Piece, Places},
};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// What comes and what goes between two accesses: disjoint, and nothing of what stays. The
/// gateway's answer to echo requests is in neither: it is no policy's to give or take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Difference {
    /// What is reached afterwards only.
    pub gained: Vec<Part>,
    /// What was reached before only.
    pub lost: Vec<Part>,
}

/// Packets that all have the same fate before, and the same fate afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    /// Where they go. Parts that differ in nothing else are in the fewest networks.
    pub network: IpNetwork,
    /// Their protocols and ports.
    pub services: Arc<[Run]>,
    /// What decided about them; none where the device was no peer.
    pub before: Option<DecidedBy>,
    /// What decides about them; none where the device is no peer.
    pub after: Option<DecidedBy>,
}

impl Part {
    /// Whether a packet is one of these.
    #[must_use]
    pub fn contains(&self, packet: &Packet) -> bool {
        self.network.contains(packet.dst)
            && self
                .services
                .iter()
                .any(|run| run.contains(packet.protocol.0, packet.port_or_zero()))
    }

    /// Whether it is about every protocol and port.
    #[must_use]
    pub fn is_of_all_services(&self) -> bool {
        matches!(&*self.services, [run] if run.is_everything())
    }
}

/// Whether anything comes and whether anything goes, without saying what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Direction {
    /// Something is reached afterwards only.
    pub gains: bool,
    /// Something was reached before only.
    pub loses: bool,
}

impl Direction {
    /// Between two accesses; none is that of a device that is no peer.
    #[must_use]
    pub fn between(before: Option<&Access>, after: Option<&Access>) -> Self {
        let mut sets = Interner::new();
        let mut direction = Self::default();
        for family in FAMILIES {
            for change in changes(before, after, family, &mut sets) {
                direction.gains |= change.gained != Interner::NONE;
                direction.loses |= change.lost != Interner::NONE;
            }
        }
        direction
    }
}

impl Difference {
    /// Between two accesses; none is that of a device that is no peer.
    #[must_use]
    pub fn between(before: Option<&Access>, after: Option<&Access>) -> Self {
        let mut sets = Interner::new();
        let (mut gained, mut lost) = (Parts::default(), Parts::default());
        for family in FAMILIES {
            let changes = changes(before, after, family, &mut sets);
            let mut deciders =
                [before, after].map(|a| a.map(|a| Deciders::new(a, family, &mut sets)));
            let boundaries = deciders.iter_mut().flatten().flat_map(Deciders::starts);
            let mut starts: Vec<u128> = boundaries.collect();
            starts.sort_unstable();
            starts.dedup();
            for change in changes {
                for range in cut(change.range, &starts) {
                    let [before, after] = &mut deciders;
                    for (set, parts) in [(change.gained, &mut gained), (change.lost, &mut lost)] {
                        for (set, was) in decided(before.as_mut(), range.first, set, &mut sets) {
                            for (set, is) in decided(after.as_mut(), range.first, set, &mut sets) {
                                parts.add(range, Fate { set, before: was, after: is });
                            }
                        }
                    }
                }
            }
            gained.finish(family);
            lost.finish(family);
        }
        Self { gained: gained.list(&sets), lost: lost.list(&sets) }
    }
}

/// A range of addresses where something comes or goes.
#[derive(Debug, Clone, Copy)]
struct Change {
    range: Interval,
    gained: SetId,
    lost: SetId,
}

fn changes(
    before: Option<&Access>,
    after: Option<&Access>,
    family: Family,
    sets: &mut Interner,
) -> Vec<Change> {
    let mut swept = |access: Option<&Access>| {
        let pieces = access.map(|access| access.sweep(family, sets)).unwrap_or_default();
        Pieces { rest: pieces.into_iter().peekable() }
    };
    let (mut before, mut after) = (swept(before), swept(after));
    let mut changes: Vec<Change> = Vec::new();
    let mut at = 0;
    loop {
        let ((was, until), (is, until_too)) = (before.at(at, family), after.at(at, family));
        let last = until.min(until_too);
        let (gained, lost) = (sets.without(is, was), sets.without(was, is));
        if gained != Interner::NONE || lost != Interner::NONE {
            let range = Interval { first: at, last };
            match changes.last_mut() {
                Some(change)
                    if change.range.touches(&range)
                        && (change.gained, change.lost) == (gained, lost) =>
                {
                    change.range.last = last;
                }
                _ => changes.push(Change { range, gained, lost }),
            }
        }
        if last >= family.last() {
            return changes;
        }
        at = last + 1;
    }
}

/// Swept pieces, asked for in ascending order of addresses.
struct Pieces {
    rest: Peekable<vec::IntoIter<Piece>>,
}

impl Pieces {
    /// What passes at an address, and up to which address that is so.
    fn at(&mut self, address: u128, family: Family) -> (SetId, u128) {
        while self.rest.next_if(|piece| piece.range.last < address).is_some() {}
        match self.rest.peek() {
            Some(piece) if piece.range.first <= address => (piece.services, piece.range.last),
            Some(piece) => (Interner::NONE, piece.range.first - 1),
            None => (Interner::NONE, family.last()),
        }
    }
}

/// A range, cut wherever one of the ordered addresses begins something else.
fn cut(range: Interval, starts: &[u128]) -> impl Iterator<Item = Interval> {
    let from = starts.partition_point(|start| *start <= range.first);
    let until = starts.partition_point(|start| *start <= range.last);
    let inner = starts.get(from..until).unwrap_or_default();
    let firsts = std::iter::once(range.first).chain(inner.iter().copied());
    let lasts = inner.iter().map(|start| start - 1).chain([range.last]);
    firsts.zip(lasts).map(|(first, last)| Interval { first, last })
}

/// Who decides about services at addresses that are asked for in ascending order.
struct Deciders<'a> {
    access: &'a Access,
    places: Places,
    boundaries: Peekable<vec::IntoIter<Boundary>>,
    starts: Vec<u128>,
    counts: Vec<u32>,
    /// The services of each place.
    services: Vec<SetId>,
    /// The places that list the address.
    listed: BTreeSet<usize>,
    /// The full tunnels, which are about the internet too.
    tunnels: Vec<usize>,
    /// Whether devices can use this family at all.
    usable: bool,
}

impl<'a> Deciders<'a> {
    fn new(access: &'a Access, family: Family, sets: &mut Interner) -> Self {
        let places = access.places();
        let boundaries = access.boundaries(family, places);
        let rules = access.rules.iter();
        let mut services: Vec<SetId> = rules.map(|rule| sets.services(&rule.services)).collect();
        services.push(sets.dns());
        let tunnels = access.rules.iter().enumerate().filter(|(_, rule)| rule.opens_internet());
        Self {
            access,
            places,
            starts: boundaries.iter().map(|boundary| boundary.at).collect(),
            boundaries: boundaries.into_iter().peekable(),
            counts: vec![0; places.internet + 1],
            services,
            listed: BTreeSet::new(),
            tunnels: tunnels.map(|(place, _)| place).collect(),
            usable: family == Family::V4 || access.surroundings.has_v6,
        }
    }

    /// Where something begins or ends; can be taken once.
    fn starts(&mut self) -> Vec<u128> {
        std::mem::take(&mut self.starts)
    }

    fn go_to(&mut self, address: u128) {
        while let Some(boundary) = self.boundaries.next_if(|boundary| boundary.at <= address) {
            let Some(count) = self.counts.get_mut(boundary.place) else { continue };
            // An end comes at a greater address than its beginning: this never falls below zero.
            *count = if boundary.begins { *count + 1 } else { *count - 1 };
            if *count == 0 {
                self.listed.remove(&boundary.place);
            } else {
                self.listed.insert(boundary.place);
            }
        }
    }

    fn holds(&self, place: usize) -> bool {
        self.listed.contains(&place)
    }

    /// Shares services out to those who decide about them at an address.
    fn decide(
        &mut self,
        address: u128,
        set: SetId,
        sets: &mut Interner,
    ) -> Vec<(SetId, DecidedBy)> {
        self.go_to(address);
        let mut asked = self.listed.clone();
        if self.holds(self.places.internet) {
            asked.extend(&self.tunnels);
        }
        let own = self.holds(self.places.own);
        let mut rest = set;
        let mut shares = Vec::new();
        for place in asked.into_iter().filter(|_| self.usable) {
            let by = match self.access.rules.get(place) {
                // An allow policy never opens the gateway itself.
                Some(rule) if own && rule.allows() => continue,
                Some(rule) => DecidedBy::Policy(rule.id),
                None if place == self.places.dns => DecidedBy::BuiltInDns,
                None => continue,
            };
            let Some(services) = self.services.get(place) else { continue };
            let share = sets.both(rest, *services);
            if share != Interner::NONE {
                shares.push((share, by));
                rest = sets.without(rest, share);
            }
            if rest == Interner::NONE {
                break;
            }
        }
        if rest != Interner::NONE {
            shares.push((rest, DecidedBy::Default));
        }
        shares
    }
}

/// The same for a device that may be no peer.
fn decided(
    deciders: Option<&mut Deciders<'_>>,
    address: u128,
    set: SetId,
    sets: &mut Interner,
) -> Vec<(SetId, Option<DecidedBy>)> {
    match deciders {
        _ if set == Interner::NONE => vec![],
        None => vec![(set, None)],
        Some(deciders) => {
            let shares = deciders.decide(address, set, sets);
            shares.into_iter().map(|(set, by)| (set, Some(by))).collect()
        }
    }
}

/// What parts have in common that lie in different places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Fate {
    set: SetId,
    before: Option<DecidedBy>,
    after: Option<DecidedBy>,
}

/// Parts that are being put together.
#[derive(Default)]
struct Parts {
    /// Of the family at hand, as ranges.
    ranges: Vec<(Interval, Fate)>,
    /// The last range of each fate.
    last: HashMap<Fate, usize>,
    done: Vec<(IpNetwork, Fate)>,
}

impl Parts {
    fn add(&mut self, range: Interval, fate: Fate) {
        let last = self.last.get(&fate).and_then(|at| self.ranges.get_mut(*at));
        match last {
            Some((before, _)) if before.touches(&range) => before.last = range.last,
            _ => {
                self.last.insert(fate, self.ranges.len());
                self.ranges.push((range, fate));
            }
        }
    }

    fn finish(&mut self, family: Family) {
        self.last.clear();
        for (range, fate) in self.ranges.drain(..) {
            self.done.extend(networks(family, range).into_iter().map(|network| (network, fate)));
        }
    }

    fn list(self, sets: &Interner) -> Vec<Part> {
        let mut known: HashMap<SetId, Arc<[Run]>> = HashMap::new();
        let mut part = |(network, Fate { set, before, after }): (IpNetwork, Fate)| {
            let services = known.entry(set).or_insert_with(|| sets.runs(set).into());
            Part { network, services: Arc::clone(services), before, after }
        };
        self.done.into_iter().map(&mut part).collect()
    }
}
