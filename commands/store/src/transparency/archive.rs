//! Ranges of the log with their proofs, as the lines of an archive.

use nexavpn_proof::{
    EMPTY_HASH, Tile, Tiles,
    archive::{Continuation, Entry, FORMAT, Header, Line, Trailer},
    tree::WIDTH,
};
use serde_json::Value;

use super::{
    LogTree, ProofError, TreeState,
    stored::{Place, Stored, read_in_order},
    tree::number,
};

/// Events per read.
const BATCH: i64 = 1000;

/// Which events, and what they are proven against.
#[derive(Debug, Clone)]
pub struct ArchiveRange {
    /// The number of the first.
    pub from: u64,
    /// The number of the last.
    pub to: u64,
    /// Sizes of kept checkpoints that the archive is to be verified against, besides those within
    /// its range.
    pub kept: Vec<u64>,
    /// The present checkpoint.
    pub checkpoint: (TreeState, String),
}

/// An archive being written, some lines at a time.
#[derive(Debug)]
pub struct Archive {
    tree: LogTree,
    range: ArchiveRange,
    /// The event that was read last.
    at: Place,
    next: u64,
    events: u64,
    stage: Stage,
}

#[derive(Debug, PartialEq)]
enum Stage {
    Header,
    Events,
    Trailer,
    Done,
}

impl Archive {
    /// Begins. Whatever is wrong with the request is told here.
    ///
    /// # Errors
    /// [`ProofError::Beyond`] where the range is not within the checkpoint, or a kept size is not.
    pub async fn begin(tree: LogTree, range: ArchiveRange) -> Result<Self, ProofError> {
        let size = range.checkpoint.0.size;
        let within = 1 <= range.from && range.from <= range.to && range.to <= size;
        if !within || range.kept.iter().any(|kept| *kept > size) {
            return Err(ProofError::Beyond { size });
        }
        let before = range.from - 1;
        let at: Option<Place> = match before {
            0 => Some((0, 0, 0)),
            before => {
                sqlx::query_as("SELECT gen, tx, pos FROM log_index WHERE idx = $1")
                    .bind(number(before))
                    .fetch_optional(&tree.pool)
                    .await?
            }
        };
        let missing = || ProofError::Damaged(format!("event {before} has no place in the order"));
        Ok(Self {
            at: at.ok_or_else(missing)?,
            next: range.from,
            events: 0,
            stage: Stage::Header,
            tree,
            range,
        })
    }

    /// The next lines, each with its end; none at the end.
    ///
    /// # Errors
    /// Where the database fails or the tree is damaged.
    pub async fn lines(&mut self) -> Result<Option<String>, ProofError> {
        match self.stage {
            Stage::Header => {
                let frontier = self.tree.frontier(self.range.from - 1).await?;
                self.stage = Stage::Events;
                let line = Line::Header(Header {
                    format: FORMAT.to_owned(),
                    from: self.range.from,
                    to: self.range.to,
                    before: frontier.subtrees().to_vec(),
                    checkpoint: self.range.checkpoint.1.clone(),
                });
                text(&[line]).map(Some)
            }
            Stage::Events => {
                let lines = self.events().await?;
                if self.next > self.range.to {
                    self.stage = Stage::Trailer;
                }
                text(&lines).map(Some)
            }
            Stage::Trailer => {
                self.stage = Stage::Done;
                let size = self.range.checkpoint.0.size;
                let mut sizes = self.range.kept.clone();
                sizes.push(self.range.to);
                sizes.sort_unstable();
                sizes.dedup();
                let mut proofs = Vec::new();
                for older in sizes {
                    let hashes = self.tree.consistency(older, size).await?;
                    proofs.push(Continuation { size: older, hashes });
                }
                text(&[Line::Trailer(Trailer { events: self.events, proofs })]).map(Some)
            }
            Stage::Done => Ok(None),
        }
    }

    async fn events(&mut self) -> Result<Vec<Line>, ProofError> {
        let mut conn = self.tree.pool.acquire().await?;
        let read = read_in_order(&mut conn, self.at, BATCH).await?;
        drop(conn);
        let ended = read.len() < BATCH as usize;
        let mut lines = Vec::with_capacity(read.len());
        if let Some(last) = read.last() {
            self.at = last.place;
        }
        let highest = read.iter().filter_map(|event| event.number).max().unwrap_or_default();
        let highest = if ended { self.range.to } else { highest.try_into().unwrap_or(0) };
        let recorded = self.recorded(highest.min(self.range.to)).await?;
        for event in read {
            if self.next > self.range.to {
                break;
            }
            let number = event.number.and_then(|idx| u64::try_from(idx).ok());
            match number {
                // Numbered, but not where its number says: shown as it stands.
                Some(idx) if idx < self.next => lines.push(line(Some(idx), &event, &recorded)),
                Some(idx) => {
                    while self.next < idx && self.next <= self.range.to {
                        lines.push(missing(self.next, &recorded));
                        self.next += 1;
                    }
                    if self.next == idx && idx <= self.range.to {
                        lines.push(line(Some(idx), &event, &recorded));
                        self.next += 1;
                    }
                }
                None => lines.push(line(None, &event, &recorded)),
            }
        }
        // What the table lacks at its end.
        while ended && self.next <= self.range.to {
            lines.push(missing(self.next, &recorded));
            self.next += 1;
        }
        self.events += lines.len() as u64;
        Ok(lines)
    }

    /// The recorded hashes of the events from the next one to this one.
    async fn recorded(&self, to: u64) -> Result<Tiles, ProofError> {
        let of = |idx: u64| idx.saturating_sub(1) / WIDTH;
        let tiles: Vec<Tile> = (of(self.next)..=of(to)).map(|n| Tile { level: 0, n }).collect();
        self.tree.tiles(&tiles).await
    }
}

fn line(idx: Option<u64>, event: &Stored, recorded: &Tiles) -> Line {
    let value = |text: &str| serde_json::from_str::<Value>(text).ok();
    Line::Event(Box::new(Entry {
        idx,
        recorded: idx.and_then(|idx| recorded.leaf(idx.checked_sub(1)?)),
        leaf: Some(event.leaf_as_it_is()),
        payload: value(&event.payload),
        metadata: value(&event.metadata),
    }))
}

fn missing(idx: u64, recorded: &Tiles) -> Line {
    // A tile that is gone too is no hash of anything.
    let recorded = recorded.leaf(idx.saturating_sub(1)).or(Some(EMPTY_HASH));
    Line::Event(Box::new(Entry {
        idx: Some(idx),
        recorded,
        leaf: None,
        payload: None,
        metadata: None,
    }))
}

fn text(lines: &[Line]) -> Result<String, ProofError> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.text().map_err(|e| ProofError::Damaged(e.to_string()))?);
        text.push('\n');
    }
    Ok(text)
}
