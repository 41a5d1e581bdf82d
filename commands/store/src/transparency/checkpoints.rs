//! Signed checkpoints: every one is on record, and none is signed that contradicts another.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use nexavpn_domain::ids::UserId;
use nexavpn_proof::{
    Hash, NoteError, Tile,
    tree::{is_consistent, needed_for_consistency, needed_for_root, prove_consistency, root},
};
use uuid::Uuid;

use super::{
    LogKey, LogTree, ProofError, TreeState,
    tree::{hash, number},
};

/// A checkpoint that an auditor brought back.
#[derive(Debug, Clone, PartialEq)]
pub struct Pin {
    /// How many events the log had.
    pub size: u64,
    /// The root that it had.
    pub root: Hash,
    /// As it was brought.
    pub note: String,
    /// By whom.
    pub pinned_by: UserId,
    /// When.
    pub pinned_at: DateTime<Utc>,
}

/// A pin, and whether the log still continues it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pinned {
    /// The pin.
    pub pin: Pin,
    /// The hashes that show that the checkpoint asked about continues it; none where it does not.
    pub proof: Option<Vec<Hash>>,
}

/// Why a checkpoint is not pinned.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// This log has not signed it.
    #[error(transparent)]
    NotOurs(#[from] NoteError),
    /// It is signed, but the log is another one now.
    #[error(
        "this checkpoint of {size} events is signed by this log, but the log does not continue it: \
         its history was replaced; keep the checkpoint, it is the evidence"
    )]
    Contradicts {
        /// The checkpoint's size.
        size: u64,
    },
    /// No answer can be given.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl From<sqlx::Error> for PinError {
    fn from(e: sqlx::Error) -> Self {
        Self::Proof(e.into())
    }
}

impl LogTree {
    /// The present checkpoint, signed: size, root and note. It is on record before anybody sees it.
    ///
    /// # Errors
    /// [`ProofError::Contradicted`] where the tree is not the one that was signed before: nothing
    /// is signed then.
    pub async fn checkpoint(
        &self,
        key: &LogKey,
        now: DateTime<Utc>,
    ) -> Result<(TreeState, String), ProofError> {
        let present = self.state().await?;
        let newest: Option<(i64, Vec<u8>, String)> = sqlx::query_as(
            "SELECT size, root, note FROM log_checkpoint ORDER BY size DESC LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        let mut older = TreeState { size: 0, root: nexavpn_proof::EMPTY_HASH };
        if let Some((size, root, note)) = newest {
            older = TreeState { size: size.try_into().unwrap_or(0), root: hash(&root)? };
            if older.size > present.size {
                return Err(ProofError::Behind);
            }
            if older == present {
                return Ok((present, note));
            }
        }
        let mut needed = needed_for_root(present.size);
        needed.extend(needed_for_consistency(older.size, present.size)?);
        let tiles = self.tiles(&needed).await?;
        if root(present.size, &tiles)? != present.root {
            let why = "its root is not that of its tiles".to_owned();
            return Err(ProofError::Damaged(why));
        }
        let proof = prove_consistency(older.size, present.size, &tiles)?;
        if !is_consistent(&proof, (older.size, older.root), (present.size, present.root)) {
            return Err(ProofError::Contradicted { size: older.size });
        }
        let note = key.note_key().sign(present.size, present.root);
        // Another process may have signed the same; the same text, then.
        sqlx::query(
            "INSERT INTO log_checkpoint (size, root, note, signed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (size) DO NOTHING",
        )
        .bind(number(present.size))
        .bind(present.root.0.to_vec())
        .bind(&note)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok((present, note))
    }

    /// The checkpoint of this size, where one was signed.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn signed(&self, size: u64) -> Result<Option<String>, ProofError> {
        Ok(sqlx::query_scalar("SELECT note FROM log_checkpoint WHERE size = $1")
            .bind(number(size))
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Keeps a checkpoint that somebody brings back. The same again changes nothing.
    ///
    /// # Errors
    /// Where this log has not signed it, or does not continue it.
    pub async fn pin(
        &self,
        key: &LogKey,
        note: &str,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<Pin, PinError> {
        let checkpoint = key.verifier().open(note)?;
        let size = checkpoint.size;
        let root = match self.root(size).await {
            // Every checkpoint of ours was of a tree that was there.
            Err(ProofError::Beyond { .. }) => return Err(self.smaller(size).await?),
            root => root?,
        };
        if root != checkpoint.root {
            return Err(PinError::Contradicts { size });
        }
        sqlx::query(
            "INSERT INTO log_pin (size, root, note, pinned_by, pinned_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (size) DO NOTHING",
        )
        .bind(number(size))
        .bind(root.0.to_vec())
        .bind(note)
        .bind(by.0)
        .bind(now)
        .execute(&self.pool)
        .await?;
        let row: PinRow =
            sqlx::query_as(PINS_FROM).bind(number(size)).bind(1_i64).fetch_one(&self.pool).await?;
        Ok(read(row)?)
    }

    /// Why the tree is smaller than a checkpoint of ours: on its way there, or another one.
    async fn smaller(&self, size: u64) -> Result<PinError, ProofError> {
        let on_record: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM log_checkpoint WHERE size = $1)")
                .bind(number(size))
                .fetch_one(&self.pool)
                .await?;
        let growing = on_record || self.behind().await? > 0;
        Ok(if growing { ProofError::Behind.into() } else { PinError::Contradicts { size } })
    }

    /// The pins from this size on, by size, at most `limit`, each with what shows that the tree of
    /// this state continues it.
    ///
    /// # Errors
    /// Where the database fails, or the tree is damaged.
    pub async fn pins(
        &self,
        from: u64,
        limit: u32,
        present: TreeState,
    ) -> Result<Vec<Pinned>, ProofError> {
        let rows: Vec<PinRow> = sqlx::query_as(PINS_FROM)
            .bind(number(from))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        let pins: Vec<Pin> = rows.into_iter().map(read).collect::<Result<_, _>>()?;
        let mut needed: BTreeSet<Tile> = BTreeSet::new();
        for pin in pins.iter().filter(|pin| pin.size <= present.size) {
            needed.extend(needed_for_consistency(pin.size, present.size)?);
        }
        let tiles = self.tiles(&Vec::from_iter(needed)).await?;
        let stands = |pin: Pin| {
            let proof = match prove_consistency(pin.size, present.size, &tiles) {
                Ok(proof) => proof,
                Err(nexavpn_proof::TreeError::Beyond(_)) => return Ok(Pinned { pin, proof: None }),
                Err(error) => return Err(error.into()),
            };
            let (older, newer) = ((pin.size, pin.root), (present.size, present.root));
            let proof = is_consistent(&proof, older, newer).then_some(proof);
            Ok(Pinned { pin, proof })
        };
        pins.into_iter().map(stands).collect()
    }
}

type PinRow = (i64, Vec<u8>, String, Uuid, DateTime<Utc>);

const PINS_FROM: &str = "SELECT size, root, note, pinned_by, pinned_at FROM log_pin
     WHERE size >= $1 ORDER BY size LIMIT $2";

fn read((size, root, note, pinned_by, pinned_at): PinRow) -> Result<Pin, ProofError> {
    Ok(Pin {
        size: size.try_into().unwrap_or(0),
        root: hash(&root)?,
        note,
        pinned_by: UserId(pinned_by),
        pinned_at,
    })
}
