//! The tree as it is kept: its size, its tiles, and what they prove.

use nexavpn_proof::{
    Frontier, Hash, Leaf, Tile, Tiles, TreeError,
    tree::{
        frontier, needed_for_consistency, needed_for_frontier, needed_for_inclusion,
        needed_for_root, prove_consistency, prove_inclusion, root,
    },
};
use sqlx::{PgConnection, PgPool};

use super::{ProofError, stored};
use crate::StoreError;

/// How large the tree is, and its root.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreeState {
    /// How many events are in it.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// The transparency log's tree. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogTree {
    pub(super) pool: PgPool,
}

impl LogTree {
    /// The tree in this database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The present state, which events just appended are not in yet.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn state(&self) -> Result<TreeState, ProofError> {
        let mut conn = self.pool.acquire().await?;
        state(&mut conn).await
    }

    /// The root of the tree when it had this size.
    ///
    /// # Errors
    /// [`ProofError::Beyond`] where it has not been that large.
    pub async fn root(&self, size: u64) -> Result<Hash, ProofError> {
        self.within(size).await?;
        let tiles = self.tiles(&needed_for_root(size)).await?;
        Ok(root(size, &tiles)?)
    }

    /// The hashes that lead from the event of this number to the root of the tree of this size.
    ///
    /// # Errors
    /// [`ProofError::Beyond`] where the tree is smaller than that.
    pub async fn inclusion(&self, idx: u64, size: u64) -> Result<Vec<Hash>, ProofError> {
        self.within(size).await?;
        let place = idx.checked_sub(1).filter(|place| *place < size);
        let place = place.ok_or(ProofError::Beyond { size })?;
        let tiles = self.tiles(&needed_for_inclusion(place, size)?).await?;
        Ok(prove_inclusion(place, size, &tiles)?)
    }

    /// The hashes that show that the tree of the newer size begins with that of the older one.
    ///
    /// # Errors
    /// [`ProofError::Beyond`] where the tree is smaller than that.
    pub async fn consistency(&self, older: u64, newer: u64) -> Result<Vec<Hash>, ProofError> {
        self.within(newer).await?;
        if older > newer {
            return Err(ProofError::Beyond { size: newer });
        }
        let tiles = self.tiles(&needed_for_consistency(older, newer)?).await?;
        Ok(prove_consistency(older, newer, &tiles)?)
    }

    /// The first hashes of a tile, as bytes; none where it does not have as many.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn tile(&self, tile: Tile, width: u64) -> Result<Option<Vec<u8>>, ProofError> {
        // At most 256.
        let length = usize::try_from(width).unwrap_or(usize::MAX).saturating_mul(32);
        // Beyond the tree a tile says nothing yet.
        let size = self.state().await?.size;
        let there = size.checked_shr(u32::from(tile.level) * 8).unwrap_or(0);
        let asked = tile.n.checked_mul(256).and_then(|first| first.checked_add(width));
        if asked.is_none_or(|asked| asked > there) {
            return Ok(None);
        }
        let bytes = self.tiles(&[tile]).await?.0.remove(&tile);
        match bytes.as_ref().and_then(|bytes| bytes.get(..length)) {
            Some(bytes) => Ok(Some(bytes.to_vec())),
            None => Err(TreeError::Damaged(tile).into()),
        }
    }

    /// The leaves of events that are in the tree, in order; fewer where the tree ends.
    ///
    /// # Errors
    /// [`ProofError::Damaged`] where one is missing or unreadable.
    pub async fn leaves(&self, after: u64, limit: u64) -> Result<Vec<Leaf>, ProofError> {
        let size = self.state().await?.size;
        let limit = limit.min(size.saturating_sub(after));
        let mut conn = self.pool.acquire().await?;
        let (after, limit) = (number(after), number(limit));
        let events = stored::read_by_number(&mut conn, after, limit).await?;
        let damaged = |idx: i64| ProofError::Damaged(format!("event {idx} is missing"));
        if events.len() as u64 != limit as u64 {
            let gap = (after + 1..).zip(&events).find(|(idx, event)| event.number != Some(*idx));
            return Err(damaged(gap.map_or(after + events.len() as i64 + 1, |(idx, _)| idx)));
        }
        let leaf = |event: &stored::Stored| {
            event.leaf().map_err(|_| damaged(event.number.unwrap_or_default()))
        };
        events.iter().map(leaf).collect()
    }

    /// The tree of this size as one that grows without tiles.
    ///
    /// # Errors
    /// Where tiles are missing.
    pub async fn frontier(&self, size: u64) -> Result<Frontier, ProofError> {
        let tiles = self.tiles(&needed_for_frontier(size)).await?;
        Ok(frontier(size, &tiles)?)
    }

    /// These tiles, those that are there.
    pub(crate) async fn tiles(&self, wanted: &[Tile]) -> Result<Tiles, ProofError> {
        let mut conn = self.pool.acquire().await?;
        Ok(tiles(&mut conn, wanted).await?)
    }

    async fn within(&self, size: u64) -> Result<(), ProofError> {
        let present = self.state().await?.size;
        if size > present { Err(ProofError::Beyond { size: present }) } else { Ok(()) }
    }
}

pub(crate) async fn state(conn: &mut PgConnection) -> Result<TreeState, ProofError> {
    let (size, root): (i64, Vec<u8>) =
        sqlx::query_as("SELECT size, root FROM log_tree").fetch_one(conn).await?;
    Ok(TreeState { size: size.try_into().unwrap_or(0), root: hash(&root)? })
}

pub(crate) async fn tiles(conn: &mut PgConnection, wanted: &[Tile]) -> Result<Tiles, sqlx::Error> {
    let rows: Vec<(i16, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT level, n, hashes FROM log_tile
         JOIN unnest($1::smallint[], $2::bigint[]) AS wanted (level, n) USING (level, n)",
    )
    .bind(wanted.iter().map(|tile| i16::from(tile.level)).collect::<Vec<_>>())
    .bind(wanted.iter().map(|tile| number(tile.n)).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let tile = |(level, n, hashes): (i16, i64, Vec<u8>)| {
        Some((Tile { level: level.try_into().ok()?, n: n.try_into().ok()? }, hashes))
    };
    Ok(Tiles(rows.into_iter().filter_map(tile).collect()))
}

/// A stored hash.
pub(crate) fn hash(bytes: &[u8]) -> Result<Hash, ProofError> {
    let hash = <[u8; 32]>::try_from(bytes).map(Hash);
    hash.map_err(|_| ProofError::Store(StoreError::Unreadable("a hash of the log".into())))
}

/// As the database has numbers; nothing is as large as the difference.
pub(crate) fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
