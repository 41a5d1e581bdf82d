//! Groups of users.

mod events;
mod state;

pub use events::GroupEvent;
pub use state::{Group, GroupCommand};

crate::aggregate::aggregate!(Group, GroupCommand, GroupEvent);
