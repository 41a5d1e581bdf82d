//! What can be asked of a user.

use crate::values::Role;

/// A command to a user. All values have been validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCommand {
    /// Makes the user.
    Create {
        /// Login name.
        username: String,
        /// Name as shown.
        display_name: String,
        /// Where mail goes.
        email: Option<String>,
        /// What the user may do.
        role: Role,
        /// Whether the first password must be changed.
        must_change_password: bool,
    },
    /// Changes what is given and leaves the rest.
    Change {
        /// Another login name.
        username: Option<String>,
        /// Another name as shown.
        display_name: Option<String>,
        /// Another email address, or none.
        email: Option<Option<String>>,
        /// Another role.
        role: Option<Role>,
    },
    /// Keeps the user from signing in and cuts the devices off.
    Disable,
    /// Lets the user in again.
    Enable,
    /// Notes that the password was replaced.
    SetPassword {
        /// Whether it has to be changed at the next login.
        must_change_password: bool,
    },
    /// Removes the user.
    Delete,
    /// Destroys the user's personal data.
    Erase,
}
