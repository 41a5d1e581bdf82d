//! Sessions: a login and the refresh tokens that follow from it.

mod events;
mod state;

pub use events::{EndReason, SessionEvent};
pub use state::{Session, SessionCommand};

crate::aggregate::aggregate!(Session, SessionCommand, SessionEvent);
