//! How two archives of the same events differ.

use std::fmt;

use super::Entry;

/// What is other in one archive than in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// One of them lacks the event.
    Missing,
    /// The payload.
    Payload,
    /// The metadata.
    Metadata,
    /// Payload and metadata.
    Content,
    /// Another event altogether: its type, whose it is, its sequence or its time.
    Other,
    /// Only the hash that the log has recorded of it.
    Recorded,
}

impl Difference {
    /// How two entries of the same number differ, if they do.
    #[must_use]
    pub fn between(one: &Entry, other: &Entry) -> Option<Self> {
        let leaves = match (&one.leaf, &other.leaf) {
            (None, None) => return None,
            (Some(one), Some(other)) => (one, other),
            _ => return Some(Self::Missing),
        };
        let (a, b) = leaves;
        let payload = a.payload_sha256 != b.payload_sha256;
        let metadata = a.metadata_sha256 != b.metadata_sha256;
        let same_event = (&a.aggregate_type, &a.aggregate_id, a.sequence)
            == (&b.aggregate_type, &b.aggregate_id, b.sequence)
            && (&a.event_type, &a.event_version) == (&b.event_type, &b.event_version)
            && a.recorded_at == b.recorded_at;
        match (same_event, payload, metadata) {
            (false, ..) => Some(Self::Other),
            (true, true, false) => Some(Self::Payload),
            (true, false, true) => Some(Self::Metadata),
            (true, true, true) => Some(Self::Content),
            (true, false, false) => (one.recorded != other.recorded).then_some(Self::Recorded),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing from one of them",
            Self::Payload => "has another payload",
            Self::Metadata => "has other metadata",
            Self::Content => "has another payload and other metadata",
            Self::Other => "is another event",
            Self::Recorded => "is the same, but the log has recorded another hash of it",
        })
    }
}
