//! A user in brief: the contract's `user` object.

use axum::http::StatusCode;
use nexavpn_commands::CommandError;
use nexavpn_domain::{Personal, ids::UserId, user::User, values::Role};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, error::ApiError};

/// Who somebody is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct UserSummary {
    id: UserId,
    username: Option<String>,
    display_name: Option<String>,
    role: Role,
}

impl UserSummary {
    /// Reads it for somebody who has just proved who they are. 401 where the user was deleted in
    /// this very moment: what was proved is not true any more.
    pub(crate) async fn signed_in(app: &App, id: UserId) -> Result<Self, ApiError> {
        Self::load(app, id).await.map_err(|error| match error.status() {
            StatusCode::NOT_FOUND => {
                ApiError::unauthenticated("invalid_credentials", "the account is gone")
            }
            _ => error,
        })
    }

    /// Reads it.
    pub(crate) async fn load(app: &App, id: UserId) -> Result<Self, ApiError> {
        // From the aggregate: somebody may sign in before the read models know of the user.
        let user = app.commands.store().load::<User>(id.0).await.map_err(CommandError::from)?;
        if !user.state.exists() {
            return Err(ApiError::not_found("user"));
        }
        let text = |value: &Personal| value.get().map(ToOwned::to_owned);
        Ok(Self {
            id,
            username: text(user.state.username()),
            display_name: text(user.state.display_name()),
            role: user.state.role(),
        })
    }
}
