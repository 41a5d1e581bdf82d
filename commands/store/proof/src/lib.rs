//! What proves that nobody edited the log: a transparency log over it, in the formats of C2SP
//! (<https://c2sp.org/tlog-tiles>, <https://c2sp.org/tlog-checkpoint>,
//! <https://c2sp.org/signed-note>). No I/O, no clock, no randomness, so that the server and whoever
//! verifies without it share one meaning.
//!
//! | module | holds |
//! | --- | --- |
//! | [`leaf`] | what the log says of one event |
//! | [`tree`] | the Merkle tree (RFC 6962) in tiles: growing it, its root, proofs |
//! | [`note`] | checkpoints: size and root, signed |

pub mod leaf;
pub mod note;
pub mod tree;

pub use leaf::Leaf;
pub use note::{Checkpoint, NoteError, NoteKey, NoteVerifier};
pub use tlog_tiles::Hash;
pub use tree::{Growth, Tile, Tiles, TreeError};
