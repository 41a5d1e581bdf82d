//! Where what is there first differs from what was recorded, and how.

use std::fmt;

use tlog_tiles::Hash;

/// How a place differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// What was recorded there is nowhere, nor was what is there recorded elsewhere.
    Changed,
    /// What was recorded there is gone.
    Missing,
    /// Something was put there that was never recorded.
    Inserted,
    /// It has changed places with the event of this number.
    Swapped(u64),
    /// What was recorded there is at this number now.
    MovedTo(u64),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => write!(f, "is not what was recorded: it was changed"),
            Self::Missing => write!(f, "is missing"),
            Self::Inserted => write!(f, "was never recorded: it was inserted"),
            Self::Swapped(with) => write!(f, "has changed places with event {with}"),
            Self::MovedTo(to) => write!(f, "was moved: what was recorded here is event {to} now"),
        }
    }
}

/// The first difference between two sequences of leaves, seen one place at a time.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    first: Option<First>,
    differing: u64,
}

#[derive(Debug, Clone)]
struct First {
    idx: u64,
    found: Option<Hash>,
    recorded: Option<Hash>,
    /// Where what is found here was recorded.
    found_belongs: Option<u64>,
    /// Where what was recorded here is found.
    recorded_is: Option<u64>,
}

impl Comparison {
    /// What is at this number, and what was recorded of it. Answers whether the two are the same.
    pub fn see(&mut self, idx: u64, found: Option<Hash>, recorded: Option<Hash>) -> bool {
        if let Some(first) = &mut self.first {
            if first.found.is_some() && first.found == recorded {
                first.found_belongs.get_or_insert(idx);
            }
            if first.recorded.is_some() && first.recorded == found {
                first.recorded_is.get_or_insert(idx);
            }
        }
        if found == recorded {
            return true;
        }
        self.differing += 1;
        self.first.get_or_insert(First {
            idx,
            found,
            recorded,
            found_belongs: None,
            recorded_is: None,
        });
        false
    }

    /// The number of the first place that differs.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.first.as_ref().map(|first| first.idx)
    }

    /// How many places differ.
    #[must_use]
    pub const fn differing(&self) -> u64 {
        self.differing
    }

    /// How the first place differs, as far as was seen.
    #[must_use]
    pub fn misfit(&self) -> Option<Misfit> {
        let first = self.first.as_ref()?;
        Some(match (first.found, first.found_belongs, first.recorded_is) {
            (_, Some(at), Some(is)) if at == is => Misfit::Swapped(at),
            (None, ..) | (_, Some(_), None) => Misfit::Missing,
            _ if first.recorded.is_none() => Misfit::Inserted,
            (_, None, Some(is)) if is == first.idx + 1 => Misfit::Inserted,
            (_, _, Some(is)) => Misfit::MovedTo(is),
            (_, None, None) => Misfit::Changed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misfit(found: &[u8], recorded: &[u8]) -> Option<(u64, Misfit)> {
        let mut comparison = Comparison::default();
        for n in 0..found.len().max(recorded.len()) {
            let at = |all: &[u8]| all.get(n).filter(|of| **of > 0).map(|of| Hash([*of; 32]));
            comparison.see(n as u64 + 1, at(found), at(recorded));
        }
        comparison.first().zip(comparison.misfit())
    }

    #[test]
    fn the_first_difference_is_told_for_what_it_is() {
        let recorded = [1, 2, 3, 4, 5];
        assert_eq!(misfit(&recorded, &recorded), None);
        assert_eq!(misfit(&[1, 9, 3, 4, 5], &recorded), Some((2, Misfit::Changed)));
        assert_eq!(misfit(&[1, 3, 4, 5], &recorded), Some((2, Misfit::Missing)));
        assert_eq!(misfit(&[1, 0, 3, 4, 5], &recorded), Some((2, Misfit::Missing)));
        assert_eq!(misfit(&[1, 2, 3, 4], &recorded), Some((5, Misfit::Missing)));
        assert_eq!(misfit(&[1, 9, 2, 3, 4, 5], &recorded), Some((2, Misfit::Inserted)));
        assert_eq!(misfit(&[1, 2, 3, 4, 5, 9], &recorded), Some((6, Misfit::Inserted)));
        assert_eq!(misfit(&[1, 4, 3, 2, 5], &recorded), Some((2, Misfit::Swapped(4))));
        assert_eq!(misfit(&[1, 3, 2, 4, 5], &recorded), Some((2, Misfit::Swapped(3))));
        assert_eq!(misfit(&[1, 9, 3, 4, 2], &recorded), Some((2, Misfit::MovedTo(5))));
    }
}
