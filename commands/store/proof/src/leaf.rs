//! What the log says of one event.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use tlog_tiles::{Hash, record_hash};

/// One event, at the place in the log that is its number less one.
///
/// Payload and metadata are hashed as they are stored, with personal data sealed: so a leaf holds
/// none, and stays what it was when a person is erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// `user`, `device`, …
    pub aggregate_type: String,
    /// Whose event it is.
    pub aggregate_id: String,
    /// Its number among those of its aggregate, from 1.
    pub sequence: i64,
    /// Its wire name.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// When the database took it down: RFC 3339 in UTC, to the microsecond.
    pub recorded_at: String,
    /// SHA-256 in hexadecimal of the payload's canonical form (RFC 8785).
    pub payload_sha256: String,
    /// The same of the metadata.
    pub metadata_sha256: String,
}

impl Leaf {
    /// The leaf's bytes: its canonical JSON (RFC 8785).
    ///
    /// # Errors
    /// Where a number has no exact form there.
    pub fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json_canonicalizer::to_vec(self)
    }

    /// The leaf's hash in the tree (RFC 6962, section 2.1).
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn hash(&self) -> Result<Hash, serde_json::Error> {
        Ok(record_hash(&self.bytes()?))
    }
}

/// For people: `user.created 1 of 0198…`.
impl std::fmt::Display for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} of {}", self.event_type, self.sequence, self.aggregate_id)
    }
}

/// A time as leaves have it.
#[must_use]
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
