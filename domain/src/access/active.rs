//! Which rules are about the current address, and what they say together.
//!
//! A binary tree over the rules in their order: each node holds what the rules below it say
//! together. When a destination begins or ends, one path to the root is worked out anew, instead
//! of every rule being asked at every boundary.

use super::services::{Interner, Verdict};

/// What the active rules say together.
#[derive(Debug)]
pub(super) struct Active {
    /// How many leaves there are: a power of two.
    size: usize,
    /// The root is 1, the children of n are 2n and 2n + 1, the leaves come last. `None` where
    /// something below has changed since it was last asked for.
    nodes: Vec<Option<Verdict>>,
}

impl Active {
    /// For so many rules, none of them active.
    pub(super) fn new(rules: usize) -> Self {
        let size = rules.next_power_of_two();
        Self { size, nodes: vec![Some(Verdict::NOTHING); 2 * size] }
    }

    /// Says what the rule at this place says from now on; nothing while it is not active.
    pub(super) fn set(&mut self, place: usize, verdict: Verdict) {
        let mut at = self.size + place;
        self.nodes[at] = Some(verdict);
        while at > 1 {
            at /= 2;
            self.nodes[at] = None;
        }
    }

    /// What they say together.
    pub(super) fn verdict(&mut self, sets: &mut Interner) -> Verdict {
        self.below(1, sets)
    }

    /// The place of the first active rule that allows what those before it left open.
    pub(super) fn opened_by(&mut self, sets: &mut Interner) -> Option<usize> {
        if self.verdict(sets).allowed == Interner::NONE {
            return None;
        }
        let mut at = 1;
        let mut before = Verdict::NOTHING;
        while at < self.size {
            at *= 2;
            let left = self.below(at, sets);
            let through = sets.then(before, left);
            if through.allowed == Interner::NONE {
                before = through;
                at += 1;
            }
        }
        Some(at - self.size)
    }

    fn below(&mut self, at: usize, sets: &mut Interner) -> Verdict {
        if let Some(known) = self.nodes[at] {
            return known;
        }
        // Only inner nodes are ever unknown.
        let left = self.below(2 * at, sets);
        let both = if left.decided == Interner::ALL {
            // Nothing is left to those behind, whatever they say.
            left
        } else {
            let right = self.below(2 * at + 1, sets);
            sets.then(left, right)
        };
        self.nodes[at] = Some(both);
        both
    }
}
