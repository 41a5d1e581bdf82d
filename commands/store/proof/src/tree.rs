//! The Merkle tree over the log (RFC 6962), kept in tiles of up to 256 hashes
//! (<https://c2sp.org/tlog-tiles>): a tile of level 0 holds hashes of leaves, one of level 1 those
//! of full tiles of level 0, and so on. Full tiles never change.

use std::{cell::RefCell, collections::BTreeMap};

use thiserror::Error;
use tlog_tiles::{Error, HASH_SIZE, Hash, HashReader};

use crate::Frontier;

/// A full tile has two to the power of this many hashes.
const HEIGHT: u8 = 8;
/// The hashes of a full tile.
pub const WIDTH: u64 = 1 << HEIGHT;

/// Which tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// 0 for leaves.
    pub level: u8,
    /// Its place among those of the level, from 0.
    pub n: u64,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum TreeError {
    /// The tree is not that large, or there is no such leaf.
    #[error("the log has no event {0} yet")]
    Beyond(u64),
    /// A tile is missing, or too short.
    #[error("tile {}/{} is missing or damaged", .0.level, .0.n)]
    Damaged(Tile),
    /// The tiles contradict each other.
    #[error("the tree cannot be worked out: {0}")]
    Math(Error),
}

/// Tiles at hand, each as the bytes of its hashes in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tiles(pub BTreeMap<Tile, Vec<u8>>);

impl Tiles {
    /// The hash of a leaf, from 0; none where its tile is not at hand or too short.
    #[must_use]
    pub fn leaf(&self, place: u64) -> Option<Hash> {
        let bytes = self.0.get(&Tile { level: 0, n: place / WIDTH })?;
        // Less than 256.
        let at = (place % WIDTH) as usize * HASH_SIZE;
        let hash = bytes.get(at..at + HASH_SIZE)?;
        Some(Hash(hash.try_into().ok()?))
    }
}

/// The tiles of a tree of this size that change when it grows: the last one of each level, where
/// that is not full.
pub fn edge(size: u64) -> impl Iterator<Item = Tile> {
    levels(size).filter_map(move |(level, hashes)| {
        (hashes % WIDTH > 0).then_some(Tile { level, n: hashes / WIDTH })
    })
}

/// Each level, and how many hashes it has.
fn levels(size: u64) -> impl Iterator<Item = (u8, u64)> {
    (0..u64::BITS.div_ceil(HEIGHT.into()) as u8)
        .map(move |level| (level, size >> (HEIGHT * level)))
        .take_while(|(_, hashes)| *hashes > 0)
}

/// A tree that grows at its edge.
#[derive(Debug)]
pub struct Growth {
    size: u64,
    tiles: Tiles,
    /// By level, the hashes of the last tile, if it is not full.
    open: Vec<Vec<u8>>,
}

impl Growth {
    /// Goes on from a tree of this size, with the tiles of its [`edge`].
    ///
    /// # Errors
    /// [`TreeError::Damaged`] where one is missing or does not have the hashes that it should.
    pub fn from(size: u64, tiles: &Tiles) -> Result<Self, TreeError> {
        let mut open = Vec::new();
        for (level, hashes) in levels(size) {
            let tile = Tile { level, n: hashes / WIDTH };
            // At most 255.
            let width = (hashes % WIDTH) as usize * HASH_SIZE;
            let bytes = if width == 0 { Some(vec![]) } else { tiles.0.get(&tile).cloned() };
            let bytes = bytes.filter(|bytes| bytes.len() == width);
            open.push(bytes.ok_or(TreeError::Damaged(tile))?);
        }
        Ok(Self { size, tiles: Tiles::default(), open })
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut level = 0;
        loop {
            if self.open.len() <= level {
                self.open.push(Vec::new());
            }
            let Some(open) = self.open.get_mut(level) else { break };
            open.extend(hash.0);
            if open.len() < WIDTH as usize * HASH_SIZE {
                break;
            }
            let full = std::mem::take(open);
            hash = tlog_tiles::Tile::subtree_hash(&full);
            // There are eight levels at most.
            let n = self.size >> (usize::from(HEIGHT) * (level + 1));
            self.tiles.0.insert(Tile { level: level as u8, n }, full);
            level += 1;
        }
        self.size += 1;
    }

    /// The size now, and the tiles that are other than before or new, the open ones among them.
    #[must_use]
    pub fn finish(self) -> (u64, Tiles) {
        let Self { size, mut tiles, open } = self;
        for ((level, hashes), open) in levels(size).zip(open) {
            if !open.is_empty() {
                tiles.0.insert(Tile { level, n: hashes / WIDTH }, open);
            }
        }
        (size, tiles)
    }
}

/// The tiles that [`root`] needs for a tree of this size.
#[must_use]
pub fn needed_for_root(size: u64) -> Vec<Tile> {
    asked(|reader| drop(tlog_tiles::tree_hash(size, reader)))
}

/// The root of the tree of this size.
///
/// # Errors
/// Where a tile is missing.
pub fn root(size: u64, tiles: &Tiles) -> Result<Hash, TreeError> {
    read(tiles, |reader| tlog_tiles::tree_hash(size, reader))
}

/// The tiles that [`prove_inclusion`] needs.
///
/// # Errors
/// [`TreeError::Beyond`] where there is no such leaf in a tree of this size.
pub fn needed_for_inclusion(leaf: u64, size: u64) -> Result<Vec<Tile>, TreeError> {
    if leaf >= size {
        return Err(TreeError::Beyond(leaf.saturating_add(1)));
    }
    Ok(asked(|reader| drop(tlog_tiles::prove_record(size, leaf, reader))))
}

/// The hashes that lead from a leaf (from 0) to the root of the tree of this size (RFC 9162,
/// section 2.1.3.1).
///
/// # Errors
/// Where there is no such leaf, or a tile is missing.
pub fn prove_inclusion(leaf: u64, size: u64, tiles: &Tiles) -> Result<Vec<Hash>, TreeError> {
    if leaf >= size {
        return Err(TreeError::Beyond(leaf.saturating_add(1)));
    }
    read(tiles, |reader| tlog_tiles::prove_record(size, leaf, reader))
}

/// Whether the hashes lead from the leaf to the root.
#[must_use]
pub fn includes(proof: &[Hash], leaf: (u64, Hash), tree: (u64, Hash)) -> bool {
    let ((place, leaf), (size, root)) = (leaf, tree);
    place < size && tlog_tiles::check_record(&proof.to_vec(), size, root, place, leaf).is_ok()
}

/// The tiles that [`prove_consistency`] needs.
///
/// # Errors
/// [`TreeError::Beyond`] where the older tree is the larger one.
pub fn needed_for_consistency(older: u64, newer: u64) -> Result<Vec<Tile>, TreeError> {
    if older > newer {
        return Err(TreeError::Beyond(older));
    }
    if older == 0 || older == newer {
        return Ok(vec![]);
    }
    Ok(asked(|reader| drop(tlog_tiles::prove_tree(newer, older, reader))))
}

/// The hashes that show that the newer tree begins with the older one (RFC 9162, section 2.1.4.1).
/// None are needed where that is empty, or the same.
///
/// # Errors
/// Where the older tree is the larger one, or a tile is missing.
pub fn prove_consistency(older: u64, newer: u64, tiles: &Tiles) -> Result<Vec<Hash>, TreeError> {
    if older > newer {
        return Err(TreeError::Beyond(older));
    }
    if older == 0 || older == newer {
        return Ok(vec![]);
    }
    read(tiles, |reader| tlog_tiles::prove_tree(newer, older, reader))
}

/// Whether the hashes show that the newer tree begins with the older one.
#[must_use]
pub fn is_consistent(proof: &[Hash], older: (u64, Hash), newer: (u64, Hash)) -> bool {
    match older.0 {
        0 => proof.is_empty() && older.1 == tlog_tiles::EMPTY_HASH,
        size if size == newer.0 => proof.is_empty() && older.1 == newer.1,
        size if size > newer.0 => false,
        size => tlog_tiles::check_tree(&proof.to_vec(), newer.0, newer.1, size, older.1).is_ok(),
    }
}

/// The tiles that [`frontier`] needs for a tree of this size.
#[must_use]
pub fn needed_for_frontier(size: u64) -> Vec<Tile> {
    asked(|reader| drop(reader.read_hashes(&subtrees(size))))
}

/// The tree of this size as one that can grow without its tiles.
///
/// # Errors
/// Where a tile is missing.
pub fn frontier(size: u64, tiles: &Tiles) -> Result<Frontier, TreeError> {
    let hashes = read(tiles, |reader| reader.read_hashes(&subtrees(size)))?;
    // There is one for each bit.
    Ok(Frontier::from(size, hashes).unwrap_or_default())
}

/// Where the roots of the whole subtrees of a tree of this size are, the largest first.
fn subtrees(size: u64) -> Vec<u64> {
    let levels = (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1);
    levels.map(|level| tlog_tiles::stored_hash_index(level as u8, (size >> level) - 1)).collect()
}

/// Which tiles somebody reads, who asks for all hashes at once.
fn asked(ask: impl FnOnce(&Asked)) -> Vec<Tile> {
    let reader = Asked::default();
    ask(&reader);
    let mut tiles = reader.0.into_inner();
    tiles.sort_unstable();
    tiles.dedup();
    tiles
}

#[derive(Default)]
struct Asked(RefCell<Vec<Tile>>);

impl HashReader for Asked {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        self.0.borrow_mut().extend(indexes.iter().map(|index| place(*index)));
        // Whatever is made of these is dropped.
        Ok(vec![Hash([0; HASH_SIZE]); indexes.len()])
    }
}

fn place(index: u64) -> Tile {
    let tile = tlog_tiles::Tile::from_index(HEIGHT, index);
    Tile { level: tile.level(), n: tile.level_index() }
}

fn read<T>(
    tiles: &Tiles,
    work: impl FnOnce(&Read<'_>) -> Result<T, Error>,
) -> Result<T, TreeError> {
    let reader = Read { tiles, damaged: RefCell::new(None) };
    let done = work(&reader);
    match reader.damaged.into_inner() {
        Some(tile) => Err(TreeError::Damaged(tile)),
        None => done.map_err(TreeError::Math),
    }
}

struct Read<'a> {
    tiles: &'a Tiles,
    damaged: RefCell<Option<Tile>>,
}

impl HashReader for Read<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let hash = |index: &u64| {
            let least = tlog_tiles::Tile::from_index(HEIGHT, *index);
            let tile = place(*index);
            let bytes = self.tiles.0.get(&tile);
            let hash = bytes.and_then(|bytes| least.hash_at_index(bytes, *index).ok());
            hash.ok_or_else(|| {
                *self.damaged.borrow_mut() = Some(tile);
                Error::InvalidTile
            })
        };
        indexes.iter().map(hash).collect()
    }
}
