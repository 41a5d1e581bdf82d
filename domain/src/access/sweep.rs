//! The decision for all addresses at once: one pass over the boundaries of all destinations.

use super::{
    Access,
    interval::{Family, Interval, subtract},
    public,
    services::{Interner, SetId},
};

/// A range of addresses that all have the same access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) range: Interval,
    /// What passes, built-in DNS included.
    pub(super) services: SetId,
    /// The first policy that allows something, by its place in the order.
    pub(super) opened_by: Option<usize>,
}

/// The places of what is no policy, behind the policies.
#[derive(Clone, Copy)]
struct Places {
    dns: usize,
    own: usize,
}

/// A destination that begins or ends.
struct Boundary {
    at: u128,
    place: usize,
    begins: bool,
}

impl Access {
    /// The pieces of a family's address space where anything passes, in order; neighbours differ.
    pub(super) fn sweep(&self, family: Family, sets: &mut Interner) -> Vec<Piece> {
        if family == Family::V6 && !self.surroundings.has_v6 {
            return vec![];
        }
        let places = Places { dns: self.rules.len(), own: self.rules.len() + 1 };
        let boundaries = self.boundaries(family, places);
        let mut services: Vec<SetId> =
            self.rules.iter().map(|rule| sets.services(&rule.services)).collect();
        services.push(sets.dns());
        let mut active = Active::new(places.own + 1);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = boundaries.as_slice();
        while let Some(first) = rest.first().map(|boundary| boundary.at) {
            let here = rest.iter().take_while(|boundary| boundary.at == first).count();
            let (now, later) = rest.split_at(here);
            for boundary in now {
                active.change(boundary.place, boundary.begins);
            }
            rest = later;
            let last = rest.first().map_or(family.last(), |boundary| boundary.at - 1);
            let (services, opened_by) = self.evaluate(&active, places, &services, sets);
            if services == Interner::NONE {
                continue;
            }
            let piece = Piece { range: Interval { first, last }, services, opened_by };
            match pieces.last_mut() {
                Some(before)
                    if before.range.touches(&piece.range)
                        && (before.services, before.opened_by) == (services, opened_by) =>
                {
                    before.range.last = last;
                }
                _ => pieces.push(piece),
            }
        }
        pieces
    }

    /// Asks the active rules in their order.
    fn evaluate(
        &self,
        active: &Active,
        places: Places,
        services: &[SetId],
        sets: &mut Interner,
    ) -> (SetId, Option<usize>) {
        let own = active.contains(places.own);
        let mut progress = Interner::START;
        let mut opened_by = None;
        for place in active.iter().take_while(|place| *place < places.own) {
            let policy = self.rules.get(place);
            let allows = policy.is_none_or(|rule| rule.allows());
            if own && policy.is_some() && allows {
                continue;
            }
            let after = sets.step(progress, services[place], allows);
            if policy.is_some() && opened_by.is_none() && after.allowed != Interner::NONE {
                opened_by = Some(place);
            }
            progress = after;
            if progress.open == Interner::NONE {
                break;
            }
        }
        (progress.allowed, opened_by)
    }

    fn boundaries(&self, family: Family, places: Places) -> Vec<Boundary> {
        let mut list = Vec::new();
        let mut add = |place: usize, range: Interval| {
            list.push(Boundary { at: range.first, place, begins: true });
            // What reaches the last address never ends.
            if range.last < family.last() {
                list.push(Boundary { at: range.last + 1, place, begins: false });
            }
        };
        let internet = if self.is_full_tunnel() { self.internet(family) } else { vec![] };
        for (place, rule) in self.rules.iter().enumerate() {
            for network in &rule.destinations {
                if Family::of(network.ip()) == family {
                    add(place, Interval::of(*network));
                }
            }
            if rule.opens_internet() {
                internet.iter().for_each(|range| add(place, *range));
            }
        }
        let around = &self.surroundings;
        for server in around.dns_servers.iter().filter(|ip| Family::of(**ip) == family) {
            add(places.dns, Interval::single(*server));
        }
        for own in around.gateway_addresses.iter().filter(|ip| Family::of(*ip) == family) {
            add(places.own, Interval::single(own));
        }
        list.sort_unstable_by_key(|boundary| boundary.at);
        list
    }

    /// What a full tunnel opens besides what is listed.
    fn internet(&self, family: Family) -> Vec<Interval> {
        let mut ranges = public::ranges(family).to_vec();
        for network in self.surroundings.closed_to_full_tunnels() {
            if Family::of(network.ip()) == family {
                subtract(&mut ranges, Interval::of(*network));
            }
        }
        ranges
    }
}

/// Which places have a destination around the current address: counted, since the destinations of
/// one policy may overlap.
struct Active {
    counts: Vec<u32>,
    words: Vec<u64>,
}

impl Active {
    fn new(places: usize) -> Self {
        Self { counts: vec![0; places], words: vec![0; places.div_ceil(64)] }
    }

    fn change(&mut self, place: usize, begins: bool) {
        let count = &mut self.counts[place];
        // An end comes at a greater address than its beginning, so this never falls below zero.
        *count = if begins { *count + 1 } else { *count - 1 };
        let bit = 1u64 << (place % 64);
        if *count == 0 {
            self.words[place / 64] &= !bit;
        } else {
            self.words[place / 64] |= bit;
        }
    }

    fn contains(&self, place: usize) -> bool {
        self.counts[place] > 0
    }

    /// The places in order.
    fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(index * 64 + bit)
            })
        })
    }
}
