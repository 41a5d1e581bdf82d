//! Roles.

use serde::{Deserialize, Serialize};

/// What a user may do (design, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Reads and changes everything.
    Admin,
    /// Reads everything, changes nothing.
    Auditor,
    /// Own devices only.
    User,
}

impl Role {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::User => "user",
        }
    }

    /// Parses a wire name.
    ///
    /// # Errors
    /// A message that lists the roles.
    pub fn parse(s: &str) -> Result<Self, String> {
        match s {
            "admin" => Ok(Self::Admin),
            "auditor" => Ok(Self::Auditor),
            "user" => Ok(Self::User),
            _ => Err("must be one of admin, auditor, user".into()),
        }
    }
}
