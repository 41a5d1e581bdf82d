//! Archives: ranges of events as they are stored, with what proves them against a checkpoint.
//!
//! An archive is a text of lines, each a JSON object: a [`Header`], an [`Entry`] for each event, a
//! [`Trailer`]. It is written and read line by line, so its length is no matter.

mod check;
mod difference;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use tlog_tiles::Hash;

pub use check::{Check, Checked, Problem, Standing};
pub use difference::Difference;

use crate::Leaf;

/// What the header's `format` is.
pub const FORMAT: &str = "nexavpn-archive/1";

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// The number of the first event.
    pub from: u64,
    /// The number of the last event.
    pub to: u64,
    /// The roots of the whole subtrees over the events before the first, the largest first.
    #[serde(serialize_with = "hashes")]
    pub before: Vec<Hash>,
    /// The signed checkpoint that the archive is proven against.
    pub checkpoint: String,
}

/// An event. What is missing from the database is missing from the line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number; none where it stands among the events without one.
    pub idx: Option<u64>,
    /// The hash of its leaf, as the log has recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "hash")]
    pub recorded: Option<Hash>,
    /// Its leaf, made anew from what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<Leaf>,
    /// As it is stored, with personal data sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// As it is stored, with personal data sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trailer {
    /// How many events there are.
    pub events: u64,
    /// For the last event, and for each checkpoint that was asked for: that the checkpoint of the
    /// header continues the log as it was then.
    pub proofs: Vec<Continuation>,
}

/// That a tree begins with an older one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Continuation {
    /// The size of the older tree.
    pub size: u64,
    /// The hashes that show it (RFC 9162, section 2.1.4.1).
    #[serde(serialize_with = "hashes")]
    pub hashes: Vec<Hash>,
}

/// A line of an archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first.
    Header(Header),
    /// One of those between.
    Event(Box<Entry>),
    /// The last.
    Trailer(Trailer),
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// Where it is none of an archive.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The line's text, without its end.
    ///
    /// # Errors
    /// Never for what came from JSON.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// Hashes are written as in checkpoints: base64.
fn hashes<S: Serializer>(hashes: &[Hash], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(hashes.iter().map(|hash| BASE64_STANDARD.encode(hash.0)))
}

#[expect(clippy::ref_option, reason = "serde hands over the field")]
fn hash<S: Serializer>(hash: &Option<Hash>, serializer: S) -> Result<S::Ok, S::Error> {
    hash.map(|hash| BASE64_STANDARD.encode(hash.0)).serialize(serializer)
}
