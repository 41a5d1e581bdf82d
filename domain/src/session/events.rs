//! What can happen to a session.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aggregate::wire_names,
    event::{Effect, StoredEvent},
    ids::{DeviceId, UserId},
    occasion::{Kind, Occasion},
};

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The user signed out.
    Logout,
    /// The user signed out everywhere, or an admin ended it.
    Revoked,
    /// A refresh token was used twice: somebody else has it.
    TokenReuse,
    /// The password was changed.
    PasswordChanged,
    /// The user was disabled.
    UserDisabled,
    /// The user was deleted or erased.
    UserDeleted,
    /// The device that it was bound to became somebody else's.
    DeviceOwnerChanged,
    /// The user's role was changed.
    RoleChanged,
}

/// An event of a session. Tokens are never in one; their hashes are credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum SessionEvent {
    /// The user signed in.
    #[serde(rename = "session.started")]
    Started {
        /// Who.
        user_id: UserId,
        /// How: `password`.
        method: String,
    },
    /// The session is that of a device's client from now on.
    #[serde(rename = "session.device_bound")]
    DeviceBound {
        /// Which device.
        device_id: DeviceId,
    },
    /// A refresh token was used twice; an end follows.
    #[serde(rename = "session.token_reused")]
    TokenReused {},
    /// None of its tokens works any more.
    #[serde(rename = "session.ended")]
    Ended {
        /// Why.
        reason: EndReason,
    },
}

wire_names!(SessionEvent {
    Started => "session.started",
    DeviceBound => "session.device_bound",
    TokenReused => "session.token_reused",
    Ended => "session.ended",
});

impl StoredEvent for SessionEvent {
    const AGGREGATE_TYPE: &'static str = "session";

    fn personal_fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn subject(&self, _: Uuid) -> Option<UserId> {
        None
    }

    fn effects(&self, _: Uuid) -> Vec<Effect> {
        vec![]
    }

    fn occasion(&self) -> Option<Occasion> {
        const REUSE: &[Kind] = &[Kind::all("session.token_reused")];
        matches!(self, Self::Ended { reason: EndReason::TokenReuse })
            .then_some(Occasion::alongside(REUSE))
    }
}
