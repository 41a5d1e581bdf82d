//! Access policies: what they hold (what they mean is in [`access`](crate::access)).

mod events;
mod state;

pub use events::{PolicyEvent, PolicyFields, Validity};
pub use state::{Policy, PolicyChange, PolicyCommand};

crate::aggregate::aggregate!(Policy, PolicyCommand, PolicyEvent);
