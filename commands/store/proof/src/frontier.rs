//! A tree that keeps no more than it needs to grow: the roots of its whole subtrees.

use tlog_tiles::{EMPTY_HASH, Hash, node_hash};

/// A growing tree without its tiles; as many hashes as the binary form of its size has ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frontier {
    size: u64,
    /// The largest subtree first.
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// Goes on from a tree of this size with these subtrees, the largest first. None where a tree
    /// of this size has another number of them.
    #[must_use]
    pub fn from(size: u64, subtrees: Vec<Hash>) -> Option<Self> {
        let fits = u32::try_from(subtrees.len()).is_ok_and(|n| n == size.count_ones());
        fits.then_some(Self { size, subtrees })
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let (mut hash, mut rest) = (leaf, self.size);
        while rest & 1 == 1
            && let Some(left) = self.subtrees.pop()
        {
            hash = node_hash(left, hash);
            rest >>= 1;
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the whole subtrees, the largest first.
    #[must_use]
    pub fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    /// The root of the tree (RFC 6962, section 2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        let join = |right: Hash, left: Hash| node_hash(left, right);
        self.subtrees.iter().rev().copied().reduce(join).unwrap_or(EMPTY_HASH)
    }
}
