//! Users.

mod commands;
mod events;
mod state;

pub use commands::UserCommand;
pub use events::{UserEvent, personal_fields};
pub use state::User;

crate::aggregate::aggregate!(User, UserCommand, UserEvent);
