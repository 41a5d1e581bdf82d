//! The transparency log over the events: what proves that nobody edited them.
//!
//! | file | holds |
//! | --- | --- |
//! | `stored.rs` | events as they are stored, and their leaves |
//! | `growth.rs` | the tree following the log |
//! | `tree.rs` | the tree's size, tiles and proofs |
//! | `key.rs` | the key that signs checkpoints |
//! | `checkpoints.rs` | signed checkpoints, and pinned ones |
//! | `archive.rs` | ranges with their proofs, as lines |

mod archive;
mod checkpoints;
mod growth;
mod key;
mod stored;
pub(crate) mod tree;

pub use archive::{Archive, ArchiveRange};
pub use checkpoints::{Pin, PinError, Pinned};
pub use growth::Grown;
pub use key::LogKey;
pub(crate) use stored::Stored;
pub use tree::{LogTree, TreeState};

use nexavpn_proof::{NoteError, TreeError};

use crate::{KeyError, StoreError};

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The tree does not reach that far, or nothing has this number.
    #[error("the transparency log holds {size} events so far")]
    Beyond {
        /// How far it reaches.
        size: u64,
    },
    /// The tree is smaller than what was signed, and on its way.
    #[error("the transparency log is being built again: try again")]
    Behind,
    /// The tree is not the one that was signed before.
    #[error(
        "the log does not continue the checkpoint of {size} events that was signed before: its \
         history was changed; `nexavpn verify` names the place"
    )]
    Contradicted {
        /// The size of the checkpoint.
        size: u64,
    },
    /// The tree is damaged.
    #[error("the transparency log is damaged: {0}; `nexavpn verify` names the place")]
    Damaged(String),
    /// There is no key.
    #[error("there is no key that signs checkpoints yet: `nexavpn serve` makes it")]
    NoKey,
    /// The key's name cannot be used.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TreeError> for ProofError {
    fn from(e: TreeError) -> Self {
        Self::Damaged(e.to_string())
    }
}

impl From<sqlx::Error> for ProofError {
    fn from(e: sqlx::Error) -> Self {
        Self::Store(e.into())
    }
}

impl From<KeyError> for ProofError {
    fn from(e: KeyError) -> Self {
        Self::Store(e.into())
    }
}
