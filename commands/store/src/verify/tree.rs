//! The transparency log: each event beside the hash that was recorded of it, tiles beside tiles
//! that are made anew, and the tree beside every checkpoint on record.

use std::{collections::VecDeque, mem};

use nexavpn_proof::{Comparison, Frontier, Growth, Hash, Tile, Tiles, tree::WIDTH};
use sqlx::PgConnection;

use crate::{
    ProofError, StoreError, TreeState,
    transparency::{Stored, tree},
};

/// After so many events the tiles that have come are compared and let go of.
const LEAVES: u64 = 1 << 16;

pub(super) struct TreeCheck {
    tree: TreeState,
    /// Size and root, the smallest first: those that were signed, those that auditors have
    /// brought back, and that of the tree.
    roots: VecDeque<TreeState>,
    /// Of the recorded hashes.
    frontier: Frontier,
    growth: Option<Growth>,
    /// The tile of leaves that is being compared.
    tile: Tiles,
    next: u64,
    comparison: Comparison,
    /// What the first event that differs says it is.
    differing: Option<String>,
    problems: Vec<String>,
}

impl TreeCheck {
    pub(super) async fn begin(conn: &mut PgConnection) -> Result<Self, StoreError> {
        let mut problems = Vec::new();
        let empty = TreeState { size: 0, root: nexavpn_proof::EMPTY_HASH };
        let tree = match tree::state(conn).await {
            Ok(tree) => tree,
            Err(ProofError::Store(error)) => return Err(error),
            Err(error) => {
                problems.push(error.to_string());
                empty
            }
        };
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT size, root FROM log_checkpoint UNION SELECT size, root FROM log_pin
             UNION SELECT size, root FROM log_tree ORDER BY size",
        )
        .fetch_all(conn)
        .await?;
        let root = |(size, root): (i64, Vec<u8>)| {
            Some(TreeState { size: size.try_into().ok()?, root: Hash(root.try_into().ok()?) })
        };
        let mut check = Self {
            tree,
            roots: rows.into_iter().filter_map(root).collect(),
            frontier: Frontier::default(),
            growth: Growth::from(0, &Tiles::default()).ok(),
            tile: Tiles::default(),
            next: 1,
            comparison: Comparison::default(),
            differing: None,
            problems,
        };
        check.compare_roots();
        Ok(check)
    }

    /// Takes the next event of the total order. One without a number is somebody else's matter.
    pub(super) async fn event(
        &mut self,
        conn: &mut PgConnection,
        event: &Stored,
    ) -> Result<(), sqlx::Error> {
        let idx = event.number.and_then(|idx| u64::try_from(idx).ok());
        let Some(idx) = idx.filter(|idx| *idx >= self.next) else { return Ok(()) };
        // Numbers that no event has, as far as the tree has them.
        while self.next < idx && self.next <= self.tree.size {
            self.place(conn, self.next, None).await?;
        }
        self.place(conn, idx, Some(event)).await
    }

    async fn place(
        &mut self,
        conn: &mut PgConnection,
        idx: u64,
        event: Option<&Stored>,
    ) -> Result<(), sqlx::Error> {
        self.next = idx + 1;
        let found = event.and_then(|event| event.leaf_as_it_is().hash().ok());
        let mut recorded = None;
        if idx <= self.tree.size {
            recorded = self.recorded(conn, idx - 1).await?;
            let same = self.comparison.see(idx, found, recorded);
            if !same && self.comparison.first() == Some(idx) {
                self.differing = event.map(Stored::name);
            }
        }
        let Some(hash) = recorded.or(found) else { return Ok(()) };
        // Where a hash is missing altogether, nothing after it can be compared.
        if self.frontier.size() + 1 != idx {
            return Ok(());
        }
        self.frontier.push(hash);
        if idx <= self.tree.size
            && let Some(growth) = &mut self.growth
        {
            growth.push(hash);
        }
        self.compare_roots();
        if idx.is_multiple_of(LEAVES) { self.compare_tiles(conn).await } else { Ok(()) }
    }

    async fn recorded(
        &mut self,
        conn: &mut PgConnection,
        place: u64,
    ) -> Result<Option<Hash>, sqlx::Error> {
        let tile = Tile { level: 0, n: place / WIDTH };
        if !self.tile.0.contains_key(&tile) {
            self.tile = tree::tiles(conn, &[tile]).await?;
            if self.tile.0.is_empty() {
                self.problems.push(format!("the log's tile 0/{} is missing", tile.n));
                // Asked for once.
                self.tile.0.insert(tile, vec![]);
            }
        }
        Ok(self.tile.leaf(place))
    }

    fn compare_roots(&mut self) {
        let size = self.frontier.size();
        while let Some(signed) = self.roots.front().copied()
            && signed.size <= size
        {
            self.roots.pop_front();
            if signed.size == size && signed.root != self.frontier.root() {
                self.problems.push(format!(
                    "the log up to event {size} is not the one that was signed: its history was \
                     replaced"
                ));
            }
        }
    }

    async fn compare_tiles(&mut self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        let Some(growth) = self.growth.take() else { return Ok(()) };
        let (size, made) = growth.finish();
        let upper: Vec<Tile> = made.0.keys().filter(|tile| tile.level > 0).copied().collect();
        let mut kept = tree::tiles(conn, &upper).await?;
        for tile in upper {
            let kept = kept.0.remove(&tile).unwrap_or_default();
            if !made.0.get(&tile).is_some_and(|made| kept.starts_with(made)) {
                let Tile { level, n } = tile;
                self.problems.push(format!("the log's tile {level}/{n} is not that of its events"));
            }
        }
        self.growth = Growth::from(size, &made).ok();
        Ok(())
    }

    pub(super) async fn end(
        mut self,
        conn: &mut PgConnection,
        problems: &mut Vec<String>,
    ) -> Result<(), sqlx::Error> {
        while self.next <= self.tree.size {
            self.place(conn, self.next, None).await?;
        }
        self.compare_tiles(conn).await?;
        if let Some((idx, misfit)) = self.comparison.first().zip(self.comparison.misfit()) {
            let what = self.differing.take().map(|what| format!(" ({what})")).unwrap_or_default();
            let others = self.comparison.differing() - 1;
            let others = if others > 0 { format!("; {others} after it") } else { String::new() };
            problems.push(format!("event {idx}{what} {misfit}{others}"));
        }
        problems.append(&mut mem::take(&mut self.problems));
        if let Some(signed) = self.roots.front() {
            let (signed, there) = (signed.size, self.frontier.size());
            problems.push(format!(
                "a log of {signed} events was signed, and only the first {there} are here"
            ));
        }
        Ok(())
    }
}
