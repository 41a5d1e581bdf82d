//! A user as lists and entity answers show it.

use chrono::{DateTime, Utc};
use nexavpn_domain::{StoredEvent as _, ids::UserId, user::UserEvent, values::Role};
use nexavpn_projections::{
    past,
    users::{self, UserRow},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App, consistency::Settled, error::ApiError, moment::AsOf, routes::admin::entity::Entity,
};

/// A user. Personal fields are null once erased.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = User)]
pub(in crate::routes::admin) struct UserView {
    pub(super) id: UserId,
    username: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
    role: Role,
    /// `active`, `disabled` or `erased`.
    status: String,
    enabled: bool,
    must_change_password: bool,
    /// The number in the ETag.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<UserRow> for UserView {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            username: row.username,
            display_name: row.display_name,
            email: row.email,
            role: row.role,
            status: row.status,
            enabled: row.enabled,
            must_change_password: row.must_change_password,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl UserView {
    /// A user that a command has just made.
    pub(super) async fn new(
        app: &App,
        settled: &mut Settled,
        id: UserId,
    ) -> Result<Self, ApiError> {
        let events = settled.just_appended(app, (UserEvent::AGGREGATE_TYPE, id.0));
        if let Some(row) = past::new_user(&events)? {
            return Ok(row.into());
        }
        *settled = settled.readable(app).await;
        Self::load(app, id).await
    }

    /// A user that was not deleted; 404 otherwise.
    pub(super) async fn load(app: &App, id: UserId) -> Result<Self, ApiError> {
        let view = Self::load_any(app, id).await?;
        if matches!(view.status.as_str(), "deleted" | "erased") {
            return Err(ApiError::not_found("user"));
        }
        Ok(view)
    }

    /// Users as they were at a moment.
    pub(super) async fn past(app: &App, at: AsOf, ids: &[UserId]) -> Result<Vec<Self>, ApiError> {
        let log = app.commands.store().log();
        let mut rows = past::users(&log, ids, at.idx).await?;
        Ok(ids.iter().filter_map(|id| rows.remove(id)).map(Self::from).collect())
    }

    /// A user, also a deleted or erased one.
    pub(super) async fn load_any(app: &App, id: UserId) -> Result<Self, ApiError> {
        let row = users::get(app.direct(), id).await?;
        row.map(Self::from).ok_or_else(|| ApiError::not_found("user"))
    }
}

impl Entity for UserView {
    fn version(&self) -> i64 {
        self.version
    }
}
