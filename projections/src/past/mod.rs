//! Rows of the read models as they were at an event: the streams of a few aggregates, folded up to
//! it. What the fleet knows is taken from the fleet of that moment.
//!
//! Erased people have no names in these rows either: what was sealed with their key is gone.

mod devices;
mod gateways;
mod groups;
mod policies;
mod users;

use chrono::{DateTime, Utc};
use nexavpn_domain::Event;
use nexavpn_store::{Recorded, StoreError};

pub use devices::{devices, new_device};
pub use gateways::{PastGateway, gateways};
pub use groups::{groups, members};
pub use policies::{new_policy, policies};
pub use users::{new_user, users};

use crate::ReadError;

/// When a row was made and last changed.
#[derive(Debug, Clone, Copy)]
struct Dates {
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Dates {
    fn of(stream: &[Recorded]) -> Option<Self> {
        let (first, last) = (stream.first()?, stream.last()?);
        Some(Self {
            version: last.sequence,
            created_at: first.effective_time,
            updated_at: last.effective_time,
        })
    }
}

/// The streams one by one.
fn each_stream(events: &[Recorded]) -> impl Iterator<Item = &[Recorded]> {
    events.chunk_by(|a, b| a.aggregate_id == b.aggregate_id)
}

/// Whether these events are the first ones of an aggregate.
fn begins(events: &[Recorded]) -> bool {
    events.first().is_some_and(|event| event.sequence == 1)
}

/// The event, where this version knows it.
fn known(recorded: &Recorded) -> Result<&Event, ReadError> {
    let unknown = |e: &nexavpn_domain::UnknownEvent| StoreError::Unreadable(e.to_string());
    Ok(recorded.event.as_ref().map_err(unknown)?)
}
