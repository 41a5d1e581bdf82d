//! A user in brief: the contract's `user` object.

use nexavpn_domain::{ids::UserId, values::Role};
use serde::Serialize;

use crate::{App, error::ApiError};

/// Who somebody is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct UserSummary {
    id: UserId,
    username: Option<String>,
    display_name: Option<String>,
    role: Role,
}

impl UserSummary {
    /// Reads it.
    pub(crate) async fn load(app: &App, id: UserId) -> Result<Self, ApiError> {
        let user = nexavpn_projections::users::get(&app.pool, id).await?;
        let user = user.ok_or_else(|| ApiError::not_found("user"))?;
        Ok(Self {
            id: user.id,
            username: user.username,
            display_name: user.display_name,
            role: user.role,
        })
    }
}
