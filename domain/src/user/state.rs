//! What decides about a user.

use serde::{Deserialize, Serialize};

use super::{UserCommand, UserEvent};
use crate::{error::DomainError, personal::Personal, values::Role};

/// Where in life a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Life {
    #[default]
    Unknown,
    Present,
    Deleted,
    Erased,
}

/// A user's state as folded from the events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    life: Life,
    username: Personal,
    display_name: Personal,
    email: Option<Personal>,
    role: Role,
    enabled: bool,
    must_change_password: bool,
}

impl Default for User {
    fn default() -> Self {
        Self {
            life: Life::Unknown,
            username: Personal::ERASED,
            display_name: Personal::ERASED,
            email: None,
            role: Role::User,
            enabled: false,
            must_change_password: false,
        }
    }
}

impl User {
    /// Whether the user exists and was not deleted.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.life == Life::Present
    }

    /// Whether the user may sign in.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.exists() && self.enabled
    }

    /// What the user may do.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether a new password is due.
    #[must_use]
    pub const fn must_change_password(&self) -> bool {
        self.must_change_password
    }

    /// The login name.
    #[must_use]
    pub const fn username(&self) -> &Personal {
        &self.username
    }

    /// The email address; none while there is none.
    #[must_use]
    pub const fn email(&self) -> Option<&Personal> {
        self.email.as_ref()
    }

    /// The name as shown.
    #[must_use]
    pub const fn display_name(&self) -> &Personal {
        &self.display_name
    }

    fn present(&self) -> Result<(), DomainError> {
        if self.exists() { Ok(()) } else { Err(DomainError::not_found("user")) }
    }

    /// See [`Decider::decide`](crate::Decider::decide).
    ///
    /// # Errors
    /// `not_found` for an unknown or deleted user.
    pub fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, DomainError> {
        match command {
            UserCommand::Create { username, display_name, email, role, must_change_password } => {
                if self.life != Life::Unknown {
                    return Err(DomainError::conflict("user_exists", "the user exists already"));
                }
                Ok(vec![UserEvent::Created {
                    username: username.into(),
                    display_name: display_name.into(),
                    email: email.map(Into::into),
                    role,
                    must_change_password,
                }])
            }
            UserCommand::Change { username, display_name, email, role } => {
                self.present()?;
                Ok(self.change(username, display_name, email, role))
            }
            UserCommand::Disable => {
                self.present()?;
                Ok(if self.enabled { vec![UserEvent::Disabled {}] } else { vec![] })
            }
            UserCommand::Enable => {
                self.present()?;
                let event = UserEvent::Enabled { role: self.role };
                Ok(if self.enabled { vec![] } else { vec![event] })
            }
            UserCommand::SetPassword { must_change_password } => {
                self.present()?;
                Ok(vec![UserEvent::PasswordChanged { must_change_password }])
            }
            UserCommand::Delete => {
                self.present()?;
                Ok(vec![UserEvent::Deleted {}])
            }
            UserCommand::Erase => match self.life {
                Life::Unknown => Err(DomainError::not_found("user")),
                Life::Erased => Ok(vec![]),
                Life::Present | Life::Deleted => Ok(vec![UserEvent::Erased {}]),
            },
        }
    }

    fn change(
        &self,
        username: Option<String>,
        display_name: Option<String>,
        email: Option<Option<String>>,
        role: Option<Role>,
    ) -> Vec<UserEvent> {
        let mut events = Vec::new();
        if let Some(username) = username.map(Personal::from)
            && username != self.username
        {
            events.push(UserEvent::Renamed { username });
        }
        if let Some(display_name) = display_name.map(Personal::from)
            && display_name != self.display_name
        {
            events.push(UserEvent::DisplayNameChanged { display_name });
        }
        if let Some(email) = email.map(|e| e.map(Personal::from))
            && email != self.email
        {
            events.push(UserEvent::EmailChanged { email });
        }
        if let Some(to) = role
            && to != self.role
        {
            events.push(UserEvent::RoleChanged { from: self.role, to, enabled: self.enabled });
        }
        events
    }

    /// Folds one event.
    pub fn evolve(&mut self, event: &UserEvent) {
        match event {
            UserEvent::Created { username, display_name, email, role, must_change_password } => {
                *self = Self {
                    life: Life::Present,
                    username: username.clone(),
                    display_name: display_name.clone(),
                    email: email.clone(),
                    role: *role,
                    enabled: true,
                    must_change_password: *must_change_password,
                };
            }
            UserEvent::Renamed { username } => self.username = username.clone(),
            UserEvent::DisplayNameChanged { display_name } => {
                self.display_name = display_name.clone();
            }
            UserEvent::EmailChanged { email } => self.email.clone_from(email),
            UserEvent::RoleChanged { to, .. } => self.role = *to,
            UserEvent::Disabled {} => self.enabled = false,
            UserEvent::Enabled { .. } => self.enabled = true,
            UserEvent::PasswordChanged { must_change_password } => {
                self.must_change_password = *must_change_password;
            }
            UserEvent::Deleted {} => self.life = Life::Deleted,
            UserEvent::Erased {} => {
                *self = Self { life: Life::Erased, ..Self::default() };
            }
        }
    }
}
