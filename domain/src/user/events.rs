//! What can happen to a user.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aggregate::wire_names,
    event::{Claim, ClaimKind, Effect, StoredEvent},
    ids::UserId,
    personal::Personal,
    values::Role,
};

/// An event of a user. Passwords are never in one: their hashes are credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum UserEvent {
    /// The user exists from now on.
    #[serde(rename = "user.created")]
    Created {
        /// Login name.
        username: Personal,
        /// Name as shown.
        display_name: Personal,
        /// Where mail goes.
        #[serde(default)]
        email: Option<Personal>,
        /// What the user may do.
        role: Role,
        /// Whether the first thing after signing in must be a new password.
        must_change_password: bool,
    },
    /// Another login name.
    #[serde(rename = "user.renamed")]
    Renamed {
        /// The new one.
        username: Personal,
    },
    /// Another name as shown.
    #[serde(rename = "user.display_name_changed")]
    DisplayNameChanged {
        /// The new one.
        display_name: Personal,
    },
    /// Another or no email address.
    #[serde(rename = "user.email_changed")]
    EmailChanged {
        /// The new one.
        email: Option<Personal>,
    },
    /// Another role.
    #[serde(rename = "user.role_changed")]
    RoleChanged {
        /// The role before.
        from: Role,
        /// The role from now on.
        to: Role,
        /// Whether the user can sign in at present (an enabled admin counts as one).
        enabled: bool,
    },
    /// May not sign in any more; devices are cut off.
    #[serde(rename = "user.disabled")]
    Disabled {},
    /// May sign in again.
    #[serde(rename = "user.enabled")]
    Enabled {
        /// The role, which decides whether an admin has come back.
        role: Role,
    },
    /// The password was replaced (by the user or, with `must_change_password`, by an admin).
    #[serde(rename = "user.password_changed")]
    PasswordChanged {
        /// Whether it has to be changed at the next login.
        must_change_password: bool,
    },
    /// Gone; the history stays.
    #[serde(rename = "user.deleted")]
    Deleted {},
    /// The user's data key was destroyed: personal data in the history cannot be read any more.
    #[serde(rename = "user.erased")]
    Erased {},
}

wire_names!(UserEvent {
    Created => "user.created",
    Renamed => "user.renamed",
    DisplayNameChanged => "user.display_name_changed",
    EmailChanged => "user.email_changed",
    RoleChanged => "user.role_changed",
    Disabled => "user.disabled",
    Enabled => "user.enabled",
    PasswordChanged => "user.password_changed",
    Deleted => "user.deleted",
    Erased => "user.erased",
});

/// The personal fields of a stored user event; `None` where the name is not a user event's.
#[must_use]
pub fn personal_fields(event_type: &str) -> Option<&'static [&'static str]> {
    Some(match event_type {
        "user.created" => &["username", "display_name", "email"],
        "user.renamed" => &["username"],
        "user.display_name_changed" => &["display_name"],
        "user.email_changed" => &["email"],
        other if UserEvent::WIRE_NAMES.contains(&other) => &[],
        _ => return None,
    })
}

fn admin_claim(id: Uuid) -> Effect {
    Effect::Take(Claim::new(ClaimKind::Admin, id.to_string()))
}

impl StoredEvent for UserEvent {
    const AGGREGATE_TYPE: &'static str = "user";

    fn personal_fields(&self) -> &'static [&'static str] {
        use cqrs_es::DomainEvent as _;
        personal_fields(&self.event_type()).unwrap_or(&[])
    }

    fn subject(&self, aggregate_id: Uuid) -> Option<UserId> {
        Some(UserId(aggregate_id))
    }

    fn effects(&self, id: Uuid) -> Vec<Effect> {
        match self {
            Self::Created { username, role, .. } => {
                let mut effects =
                    vec![Effect::Take(Claim::folded(ClaimKind::Username, username.get()))];
                if *role == Role::Admin {
                    effects.push(admin_claim(id));
                }
                effects
            }
            Self::Renamed { username } => vec![
                Effect::Release(ClaimKind::Username),
                Effect::Take(Claim::folded(ClaimKind::Username, username.get())),
            ],
            Self::RoleChanged { from, to, enabled } => match (from, to, enabled) {
                (_, Role::Admin, true) => vec![admin_claim(id)],
                (Role::Admin, _, _) => vec![Effect::Release(ClaimKind::Admin)],
                _ => vec![],
            },
            Self::Disabled {} => vec![Effect::Release(ClaimKind::Admin)],
            Self::Enabled { role: Role::Admin } => vec![admin_claim(id)],
            Self::Deleted {} | Self::Erased {} => {
                vec![Effect::Release(ClaimKind::Username), Effect::Release(ClaimKind::Admin)]
            }
            Self::Enabled { .. }
            | Self::DisplayNameChanged { .. }
            | Self::EmailChanged { .. }
            | Self::PasswordChanged { .. } => vec![],
        }
    }
}
