//! What policies open, apart from the gateway: most of an evaluation, and the same wherever the
//! gateways' own addresses are no destinations.

use std::sync::Arc;

use super::{
    Access, FlatProfile,
    interval::{Family, Interval},
    services::Interner,
    sweep::{Piece, Swept},
};

/// The addresses where policies allow any protocol or port, which routes are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    v4: Vec<Interval>,
    v6: Vec<Interval>,
}

impl Opened {
    pub(super) fn new(swept: &Swept) -> Self {
        let ranges = |pieces: &[Piece]| {
            let opened = pieces.iter().filter(|piece| piece.opened_by.is_some());
            opened.map(|piece| piece.range).collect()
        };
        Self { v4: ranges(&swept.v4), v6: ranges(&swept.v6) }
    }

    pub(super) fn of(&self, family: Family) -> &[Interval] {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

impl Access {
    /// [`profile`](Self::profile), and what [`routes_through`](Self::routes_through) needs.
    #[must_use]
    pub fn evaluate(&self) -> (FlatProfile, Opened) {
        let mut sets = Interner::new();
        let swept = Swept::new(self, &mut sets);
        (FlatProfile::new(&swept, &sets), Opened::new(&swept))
    }

    /// Whether another access is sure to [evaluate](Self::evaluate) to the same: the very same
    /// rules at a gateway of which nothing else matters to them. `false` says nothing.
    #[must_use]
    pub fn opens_as(&self, other: &Self) -> bool {
        let (one, another) = (&self.surroundings, &other.surroundings);
        // A full tunnel opens what is in nobody's way, which is not the same everywhere.
        self.rules.len() == other.rules.len()
            && self.rules.iter().zip(&other.rules).all(|(a, b)| Arc::ptr_eq(a, b))
            && (one.has_v6, &one.dns_servers) == (another.has_v6, &another.dns_servers)
            && !self.is_full_tunnel()
            && !self.lists_gateway_of(self)
            && !self.lists_gateway_of(other)
    }

    /// Whether a policy is about that gateway's own addresses, or a resolver listens there.
    fn lists_gateway_of(&self, other: &Self) -> bool {
        let mut own = other.surroundings.gateway_addresses.iter();
        own.any(|own| {
            let mut destinations = self.rules.iter().flat_map(|rule| &rule.destinations);
            destinations.any(|network| network.contains(own))
                || self.surroundings.dns_servers.contains(&own)
        })
    }
}
