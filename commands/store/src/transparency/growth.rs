//! The tree follows the log, behind the sequencer and off the append path.

use std::time::{Duration, Instant};

use nexavpn_proof::{Growth, Hash, Tile, Tiles, tree::root};
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use super::{
    LogTree, ProofError,
    stored::{Stored, read_by_number},
    tree::number,
};
use crate::{Store, StoreError};

/// Events per step: what is held in memory, and how long the write takes.
const BATCH: i64 = 2048;
/// The shortest pause where the tree has caught up: a tile that is not full is written each time.
const BREATH: Duration = Duration::from_millis(250);
/// A pause is so many times as long as the step before it, so that catching up takes half a core at
/// most, and less of a busy machine.
const REST: u32 = 1;
/// The same while events are appended: those who append go before. The tree falls behind where they
/// are many, and catches up when they are fewer.
const REST_WHILE_BUSY: u32 = 15;
/// The pause after another process was faster, so that not all of them do all the work.
const OTHERS: Duration = Duration::from_secs(2);
/// How often a look is taken where nothing wakes us.
const POLL: Duration = Duration::from_secs(5);
/// The pause after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grown {
    /// Added so many events, and there may be more at once.
    Full(u64),
    /// Added so many events, and then there were no more.
    CaughtUp(u64),
    /// Another process was faster.
    Lost,
}

// Size and open tiles are of one snapshot.
const EDGE: &str = "
    SELECT t.size, v.level::smallint AS level, l.n, l.hashes
    FROM log_tree t CROSS JOIN generate_series(0, 6) AS v (level)
    LEFT JOIN log_tile l ON l.level = v.level AND l.n = t.size >> (8 * (v.level + 1))";

// Whoever finds the size changed inserts nothing.
const WRITE: &str = "
    WITH durable AS MATERIALIZED (
        SELECT set_config('synchronous_commit', 'off', true)
    ), won AS (
        UPDATE log_tree SET size = $2, root = $3 FROM durable WHERE size = $1 RETURNING 1
    ), written AS (
        INSERT INTO log_tile (level, n, hashes)
        SELECT w.level, w.n, w.hashes
        FROM unnest($4::smallint[], $5::bigint[], $6::bytea[]) AS w (level, n, hashes)
        WHERE EXISTS (SELECT FROM won)
        ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes
    )
    SELECT EXISTS (SELECT FROM won)";

impl LogTree {
    /// Adds the next events of the log, at most a batch of them.
    ///
    /// # Errors
    /// Where the database fails, an event cannot be read, or the tree is damaged.
    pub async fn grow_once(&self) -> Result<Grown, ProofError> {
        let mut conn = self.pool.acquire().await?;
        let (size, open) = edge(&mut conn).await?;
        let events = read_by_number(&mut conn, number(size), BATCH).await?;
        let count = events.len() as u64;
        if events.is_empty() {
            return Ok(Grown::CaughtUp(0));
        }
        // Hashing takes a while, and others need connections.
        drop(conn);
        let work = tokio::task::spawn_blocking(move || grow(size, &open, &events));
        let (root, changed) = work.await.map_err(|e| ProofError::Damaged(e.to_string()))??;
        let rows = || changed.0.iter();
        let won: bool = sqlx::query_scalar(WRITE)
            .bind(number(size))
            .bind(number(size + count))
            .bind(root.0.to_vec())
            .bind(rows().map(|(tile, _)| i16::from(tile.level)).collect::<Vec<_>>())
            .bind(rows().map(|(tile, _)| number(tile.n)).collect::<Vec<_>>())
            .bind(rows().map(|(_, hashes)| hashes.as_slice()).collect::<Vec<_>>())
            .fetch_one(&self.pool)
            .await?;
        Ok(match won {
            false => Grown::Lost,
            true if count == BATCH as u64 => Grown::Full(count),
            true => Grown::CaughtUp(count),
        })
    }

    /// Adds all events that have numbers; answers how many.
    ///
    /// # Errors
    /// As [`grow_once`](Self::grow_once).
    pub async fn catch_up(&self) -> Result<u64, ProofError> {
        let mut all = 0;
        loop {
            match self.grow_once().await? {
                Grown::Full(n) => all += n,
                Grown::CaughtUp(n) => return Ok(all + n),
                Grown::Lost => {}
            }
        }
    }

    /// How many events have numbers and are not in the tree.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn behind(&self) -> Result<u64, StoreError> {
        let behind: i64 =
            sqlx::query_scalar("SELECT greatest(h.idx - t.size, 0) FROM log_head h, log_tree t")
                .fetch_one(&self.pool)
                .await?;
        Ok(behind.try_into().unwrap_or(0))
    }
}

async fn edge(conn: &mut PgConnection) -> Result<(u64, Tiles), ProofError> {
    let rows = sqlx::query(EDGE).fetch_all(conn).await?;
    let mut size = 0;
    let mut open = Tiles::default();
    for row in &rows {
        size = row.try_get::<i64, _>("size")?;
        if let Some((tile, hashes)) = tile(row)? {
            open.0.insert(tile, hashes);
        }
    }
    Ok((size.try_into().unwrap_or(0), open))
}

fn tile(row: &PgRow) -> Result<Option<(Tile, Vec<u8>)>, sqlx::Error> {
    let level: i16 = row.try_get("level")?;
    let n: Option<i64> = row.try_get("n")?;
    let hashes: Option<Vec<u8>> = row.try_get("hashes")?;
    let tile = n
        .zip(level.try_into().ok())
        .and_then(|(n, level)| Some(Tile { level, n: n.try_into().ok()? }));
    Ok(tile.zip(hashes))
}

/// The new root and the tiles that have changed.
fn grow(size: u64, open: &Tiles, events: &[Stored]) -> Result<(Hash, Tiles), ProofError> {
    let mut growth = Growth::from(size, open)?;
    for (event, idx) in events.iter().zip(size + 1..) {
        // Numbers are dense: a gap is an event that somebody removed.
        if event.number != Some(number(idx)) {
            return Err(ProofError::Damaged(format!("event {idx} is missing")));
        }
        let hash = event.hash();
        growth.push(hash.map_err(|_| ProofError::Damaged(format!("event {idx} is unreadable")))?);
    }
    let (size, changed) = growth.finish();
    // The root is made of open tiles only.
    Ok((root(size, &changed)?, changed))
}

impl Store {
    /// The transparency log's tree.
    #[must_use]
    pub fn log_tree(&self) -> LogTree {
        LogTree::new(self.pool().clone())
    }

    /// Starts the task that has the transparency log follow the events; it ends when `shutdown`
    /// becomes true or its sender goes. Any number may run, in one process or several. Appends do
    /// not wait for it.
    #[must_use]
    pub fn spawn_log_tree(&self, mut shutdown: watch::Receiver<bool>) -> JoinHandle<()> {
        let (tree, mut head) = (self.log_tree(), self.head());
        tokio::spawn(async move {
            let mut failed = false;
            while !*shutdown.borrow() {
                head.borrow_and_update();
                let began = Instant::now();
                let grown = tree.grow_once().await;
                let busy = head.has_changed().unwrap_or(false);
                let rest = began.elapsed() * if busy { REST_WHILE_BUSY } else { REST };
                let grown_again = grown.is_ok();
                let (pause, more) = match grown {
                    Ok(Grown::Full(_)) => (rest, true),
                    Ok(Grown::CaughtUp(_)) => (rest.max(BREATH), false),
                    Ok(Grown::Lost) => (OTHERS, true),
                    Err(error) => {
                        if !failed {
                            tracing::error!(%error, "the transparency log does not grow");
                        }
                        failed = true;
                        (AFTER_FAILURE, true)
                    }
                };
                if failed && grown_again {
                    tracing::info!("the transparency log grows again");
                    failed = false;
                }
                tokio::select! {
                    () = sleep(pause) => {}
                    changed = shutdown.changed() => if changed.is_err() { return },
                }
                if more {
                    continue;
                }
                tokio::select! {
                    () = sleep(POLL) => {}
                    changed = head.changed() => if changed.is_err() { return },
                    changed = shutdown.changed() => if changed.is_err() { return },
                }
            }
        })
    }
}
