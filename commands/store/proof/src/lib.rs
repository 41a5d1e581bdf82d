//! What proves that nobody edited the log: a transparency log over it, in the formats of C2SP
//! (<https://c2sp.org/tlog-tiles>, <https://c2sp.org/tlog-checkpoint>,
//! <https://c2sp.org/signed-note>). No I/O, no clock, no randomness, so that the server and whoever
//! verifies without it share one meaning.
//!
//! | module | holds |
//! | --- | --- |
//! | [`leaf`] | what the log says of one event |
//! | [`canonical`] | the hashes of JSON |
//! | [`tree`] | the Merkle tree (RFC 6962) in tiles: growing it, its root, proofs |
//! | [`frontier`] | the same tree without its tiles, for whoever reads all leaves in order |
//! | [`path`] | where tiles are |
//! | [`note`] | checkpoints: size and root, signed |
//! | [`comparison`] | the first place where two sequences of leaves differ, and how |
//! | [`archive`] | ranges of events with their proofs, and what verifies them |

pub mod archive;
pub mod canonical;
pub mod comparison;
pub mod frontier;
pub mod leaf;
pub mod note;
pub mod path;
pub mod tree;

pub use comparison::{Comparison, Misfit};
pub use frontier::Frontier;
pub use leaf::Leaf;
pub use note::{Checkpoint, NoteError, NoteKey, NoteVerifier};
pub use path::TilePath;
pub use tlog_tiles::{EMPTY_HASH, Hash};
pub use tree::{Growth, Tile, Tiles, TreeError};
