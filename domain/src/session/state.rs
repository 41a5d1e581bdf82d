//! What decides about a session.

use serde::{Deserialize, Serialize};

use super::{EndReason, SessionEvent};
use crate::{
    error::DomainError,
    ids::{DeviceId, UserId},
};

/// A command to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionCommand {
    /// Notes a login.
    Start {
        /// Who.
        user_id: UserId,
        /// How.
        method: String,
    },
    /// Ties it to a device.
    BindDevice(DeviceId),
    /// Ends it because a refresh token was used twice.
    ReportReuse,
    /// Ends it.
    End(EndReason),
}

/// A session's state as folded from the events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Session {
    user_id: Option<UserId>,
    device_id: Option<DeviceId>,
    ended: bool,
}

impl Session {
    /// Whose session it is.
    #[must_use]
    pub const fn user_id(&self) -> Option<UserId> {
        self.user_id
    }

    /// See [`Decider::decide`](crate::Decider::decide).
    ///
    /// # Errors
    /// `not_found` for an unknown session; ending an ended one changes nothing.
    pub fn decide(&self, command: SessionCommand) -> Result<Vec<SessionEvent>, DomainError> {
        if let SessionCommand::Start { user_id, method } = command {
            if self.user_id.is_some() {
                return Err(DomainError::conflict("session_exists", "the session exists already"));
            }
            return Ok(vec![SessionEvent::Started { user_id, method }]);
        }
        if self.user_id.is_none() {
            return Err(DomainError::not_found("session"));
        }
        Ok(match command {
            SessionCommand::Start { .. } => vec![],
            _ if self.ended => vec![],
            SessionCommand::BindDevice(id) if self.device_id == Some(id) => vec![],
            SessionCommand::BindDevice(device_id) => vec![SessionEvent::DeviceBound { device_id }],
            SessionCommand::ReportReuse => vec![
                SessionEvent::TokenReused {},
                SessionEvent::Ended { reason: EndReason::TokenReuse },
            ],
            SessionCommand::End(reason) => vec![SessionEvent::Ended { reason }],
        })
    }

    pub(super) fn evolve(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Started { user_id, .. } => self.user_id = Some(*user_id),
            SessionEvent::DeviceBound { device_id } => self.device_id = Some(*device_id),
            SessionEvent::TokenReused {} => {}
            SessionEvent::Ended { .. } => self.ended = true,
        }
    }
}
