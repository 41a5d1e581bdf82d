//! The decision for all addresses at once: one pass over the boundaries of all destinations.

use super::{
    Access,
    active::Active,
    interval::{Family, Interval, difference, union},
    public,
    services::{Interner, SetId, Verdict},
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

/// Both families' pieces.
#[derive(Debug)]
pub(super) struct Swept {
    pub(super) v4: Vec<Piece>,
    pub(super) v6: Vec<Piece>,
}

impl Swept {
    pub(super) fn new(access: &Access, sets: &mut Interner) -> Self {
        Self { v4: access.sweep(Family::V4, sets), v6: access.sweep(Family::V6, sets) }
    }
}

/// The places of what is no policy, behind the policies.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub(super) dns: usize,
    /// The gateway's own addresses.
    pub(super) own: usize,
    /// What every full tunnel opens besides what is listed.
    pub(super) internet: usize,
}

/// A destination that begins or ends.
pub(super) struct Boundary {
    pub(super) at: u128,
    pub(super) place: usize,
    pub(super) begins: bool,
}

impl Access {
    /// The pieces of a family's address space where anything passes, in order; neighbours differ.
    pub(super) fn sweep(&self, family: Family, sets: &mut Interner) -> Vec<Piece> {
        if family == Family::V6 && !self.surroundings.has_v6 {
            return vec![];
        }
        let places = self.places();
        let boundaries = self.boundaries(family, places);
        let mut here = Here::new(self, places, sets);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = boundaries.as_slice();
        while let Some(first) = rest.first().map(|boundary| boundary.at) {
            let same = rest.iter().take_while(|boundary| boundary.at == first).count();
            let (now, later) = rest.split_at(same);
            for boundary in now {
                here.change(boundary.place, boundary.begins);
            }
            rest = later;
            let last = rest.first().map_or(family.last(), |boundary| boundary.at - 1);
            let (services, opened_by) = here.evaluate(sets);
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

    pub(super) fn places(&self) -> Places {
        let dns = self.rules.len();
        Places { dns, own: dns + 1, internet: dns + 2 }
    }

    pub(super) fn boundaries(&self, family: Family, places: Places) -> Vec<Boundary> {
        let mut list = Vec::new();
        let mut add = |place: usize, range: Interval| {
            list.push(Boundary { at: range.first, place, begins: true });
            // What reaches the last address never ends.
            if range.last < family.last() {
                list.push(Boundary { at: range.last + 1, place, begins: false });
            }
        };
        for (place, rule) in self.rules.iter().enumerate() {
            for network in &rule.destinations {
                if Family::of(network.ip()) == family {
                    add(place, Interval::of(*network));
                }
            }
        }
        if self.is_full_tunnel() {
            self.internet(family).into_iter().for_each(|range| add(places.internet, range));
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
        let closed = self.surroundings.closed_to_full_tunnels();
        let closed = closed.filter(|network| Family::of(network.ip()) == family);
        difference(public::ranges(family), &union(closed.copied().map(Interval::of).collect()))
    }
}

/// What holds at the current address.
struct Here<'a> {
    access: &'a Access,
    places: Places,
    /// How many destinations of each place there are: those of one policy may overlap.
    counts: Vec<u32>,
    /// What each rule says where it is active; built-in DNS is the last of them.
    verdicts: Vec<Verdict>,
    /// The rules that list the address.
    listed: Active,
    /// Those, and all full tunnels: what holds on the public internet. Kept beside the other, so
    /// that the bounds of the internet do not concern every full tunnel anew.
    with_tunnels: Option<Active>,
}

impl<'a> Here<'a> {
    fn new(access: &'a Access, places: Places, sets: &mut Interner) -> Self {
        let rules = access.rules.iter();
        let mut verdicts: Vec<Verdict> =
            rules.map(|rule| Verdict::of(sets.services(&rule.services), rule.allows())).collect();
        verdicts.push(Verdict::of(sets.dns(), true));
        let with_tunnels = access.is_full_tunnel().then(|| {
            let mut active = Active::new(verdicts.len());
            for (place, rule) in access.rules.iter().enumerate() {
                if rule.opens_internet() {
                    active.set(place, verdicts[place]);
                }
            }
            active
        });
        let listed = Active::new(verdicts.len());
        let counts = vec![0; places.internet + 1];
        Self { access, places, counts, verdicts, listed, with_tunnels }
    }

    fn change(&mut self, place: usize, begins: bool) {
        let before = self.counts[place];
        // An end comes at a greater address than its beginning, so this never falls below zero.
        let after = if begins { before + 1 } else { before - 1 };
        self.counts[place] = after;
        let Some(verdict) = self.verdicts.get(place) else { return };
        if (before == 0) == (after == 0) {
            return;
        }
        let verdict = if after == 0 { Verdict::NOTHING } else { *verdict };
        self.listed.set(place, verdict);
        if let Some(active) = &mut self.with_tunnels
            && !self.access.rules.get(place).is_some_and(|rule| rule.opens_internet())
        {
            active.set(place, verdict);
        }
    }

    /// What passes, and the first policy that lets anything pass.
    fn evaluate(&mut self, sets: &mut Interner) -> (SetId, Option<usize>) {
        if self.counts[self.places.own] > 0 {
            return (self.on_the_gateway(sets), None);
        }
        let active = match &mut self.with_tunnels {
            Some(active) if self.counts[self.places.internet] > 0 => active,
            _ => &mut self.listed,
        };
        let allowed = active.verdict(sets).allowed;
        let opened_by = active.opened_by(sets).filter(|place| *place != self.places.dns);
        (allowed, opened_by)
    }

    /// What passes on the gateway's own address, which no allow policy opens. There is one of a
    /// family, so every rule may be asked.
    fn on_the_gateway(&self, sets: &mut Interner) -> SetId {
        let active = |place: &usize| self.counts[*place] > 0;
        let denies = |rule: &super::Rule| !rule.allows();
        let asked = (0..self.verdicts.len()).filter(active);
        let asked = asked.filter(|place| self.access.rules.get(*place).is_none_or(|r| denies(r)));
        let in_turn =
            asked.fold(Verdict::NOTHING, |before, place| sets.then(before, self.verdicts[place]));
        in_turn.allowed
    }
}
