//! What concerns the safety of the whole: failures worth a record, and signing keys.
//!
//! Each incident (the failures of one kind by one account or network) is an aggregate of its own,
//! so that a flood of them cannot run into sequence conflicts.

mod events;
mod state;

pub use events::{FailureKind, SecurityEvent};
pub use state::{Security, SecurityCommand};

crate::aggregate::aggregate!(Security, SecurityCommand, SecurityEvent);
