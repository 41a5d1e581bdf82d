//! The tree beside another implementation of RFC 6962, `ct-merkle`, which shares no code with what
//! it is made with.

use std::collections::BTreeMap;

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use nexavpn_proof::{
    Growth, Hash, Tiles,
    tree::{
        edge, includes, is_consistent, needed_for_consistency, needed_for_inclusion,
        needed_for_root, prove_consistency, prove_inclusion, root,
    },
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

type Reference = MemoryBackedTree<Sha256, Vec<u8>>;

/// A log as it is kept: tiles by place.
#[derive(Default)]
struct Kept {
    size: u64,
    tiles: BTreeMap<nexavpn_proof::Tile, Vec<u8>>,
}

impl Kept {
    fn grow(&mut self, leaves: &[Vec<u8>]) {
        let mut growth = Growth::from(self.size, &self.read(edge(self.size))).unwrap();
        leaves.iter().for_each(|leaf| growth.push(leaf_hash(leaf)));
        let (size, changed) = growth.finish();
        self.size = size;
        self.tiles.extend(changed.0);
    }

    /// Those tiles and no other.
    fn read(&self, needed: impl IntoIterator<Item = nexavpn_proof::Tile>) -> Tiles {
        Tiles(needed.into_iter().map(|tile| (tile, self.tiles[&tile].clone())).collect())
    }

    fn root(&self, size: u64) -> Hash {
        root(size, &self.read(needed_for_root(size))).unwrap()
    }
}

/// RFC 6962, section 2.1.
fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

fn leaves(from: u64, to: u64) -> Vec<Vec<u8>> {
    (from..to).map(|n| format!("leaf {n}").into_bytes()).collect()
}

fn reference(size: u64) -> Reference {
    let mut tree = Reference::new();
    leaves(0, size).into_iter().for_each(|leaf| tree.push(leaf));
    tree
}

fn theirs(tree: &Reference) -> [u8; 32] {
    (*tree.root().as_bytes()).into()
}

fn digests(proof: &[Hash]) -> Vec<sha2::digest::Output<Sha256>> {
    proof.iter().map(|hash| hash.0.into()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn another_implementation_believes_every_proof(
        steps in prop::collection::vec(0u64..700, 1..6),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 4),
        other in any::<[u8; 32]>(),
    ) {
        let mut kept = Kept::default();
        for step in steps {
            kept.grow(&leaves(kept.size, kept.size + step));
        }
        let size = kept.size;
        let tree = reference(size);
        prop_assert_eq!(kept.root(size).0, theirs(&tree));
        if size == 0 {
            return Ok(());
        }
        let newer = (size, kept.root(size));
        for pick in &picks {
            let place = pick.index(usize::try_from(size).unwrap()) as u64;
            let tiles = kept.read(needed_for_inclusion(place, size).unwrap());
            let proof = prove_inclusion(place, size, &tiles).unwrap();
            let leaf = format!("leaf {place}").into_bytes();
            let proven = InclusionProof::<Sha256>::from_digests(&digests(&proof));
            tree.root().verify_inclusion(&leaf, place, &proven).unwrap();
            prop_assert!(includes(&proof, (place, leaf_hash(&leaf)), newer));
            prop_assert!(!includes(&proof, (place, Hash(other)), newer));
            prop_assert!(!includes(&proof, (place, leaf_hash(&leaf)), (size, Hash(other))));

            let older = place + 1;
            let tiles = kept.read(needed_for_consistency(older, size).unwrap());
            let proof = prove_consistency(older, size, &tiles).unwrap();
            let before = kept.root(older);
            prop_assert_eq!(before.0, theirs(&reference(older)));
            if older < size {
                let proven = ConsistencyProof::<Sha256>::from_digests(&digests(&proof));
                let before = RootHash::<Sha256>::new(before.0.into(), older);
                tree.root().verify_consistency(&before, &proven).unwrap();
            }
            prop_assert!(is_consistent(&proof, (older, before), newer));
            prop_assert!(!is_consistent(&proof, (older, Hash(other)), newer));
            prop_assert!(!is_consistent(&proof, (older, before), (size, Hash(other))));
        }
    }
}

#[test]
fn a_tree_of_three_levels_is_kept_in_full_tiles() {
    let mut kept = Kept::default();
    while kept.size < 70_000 {
        kept.grow(&leaves(kept.size, kept.size + 7_000));
    }
    let tree = reference(kept.size);
    assert_eq!(kept.root(kept.size).0, theirs(&tree));
    let last = kept.tiles.keys().next_back().unwrap();
    assert_eq!((last.level, last.n), (2, 0));
    let widths = |level| kept.tiles.iter().filter(move |(tile, _)| tile.level == level);
    assert_eq!(widths(0).count(), 70_000_usize.div_ceil(256));
    assert!(widths(0).take(70_000 / 256).all(|(_, bytes)| bytes.len() == 256 * 32));
    // A proof over all of it reads few of them.
    assert!(needed_for_inclusion(12_345, kept.size).unwrap().len() <= 4);
}

#[test]
fn what_is_not_there_is_not_proven() {
    let mut kept = Kept::default();
    kept.grow(&leaves(0, 300));
    assert!(prove_inclusion(300, 300, &Tiles(kept.tiles.clone())).is_err());
    assert!(prove_consistency(301, 300, &Tiles(kept.tiles.clone())).is_err());
    assert!(root(300, &Tiles::default()).is_err());
    let mut damaged = kept.tiles.clone();
    damaged.values_mut().for_each(|bytes| bytes.truncate(bytes.len() - 32));
    assert!(Growth::from(300, &Tiles(damaged)).is_err());
    let empty = prove_consistency(0, 300, &Tiles::default()).unwrap();
    assert!(is_consistent(&empty, (0, root(0, &Tiles::default()).unwrap()), (300, kept.root(300))));
    assert!(!is_consistent(&empty, (1, kept.root(1)), (300, kept.root(300))));
}
