//! A group as lists and entity answers show it.

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    fleet::Fleet,
    ids::{GroupId, UserId},
};
use nexavpn_projections::{
    groups::{self, GroupRow},
    past,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, error::ApiError, routes::admin::entity::Entity};

/// The most members that a group's own answers name: the answer to adding one must not grow with
/// the group. A larger group shows none of them, as a part might be taken for all and sent back.
const SHOWN: u16 = 1000;

/// A group.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Group)]
pub(super) struct GroupView {
    id: GroupId,
    name: String,
    description: String,
    member_count: i64,
    /// The number in the ETag.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<GroupRow> for GroupView {
    fn from(row: GroupRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            member_count: row.member_count,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A group with its members.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct GroupDetails {
    #[serde(flatten)]
    group: GroupView,
    /// All of them; null in a group of more than 1,000, whose members are at
    /// `/admin/groups/{id}/members`.
    members: Option<Vec<UserId>>,
}

impl GroupDetails {
    /// A group that was not deleted; 404 otherwise.
    pub(super) async fn load(app: &App, id: GroupId) -> Result<Self, ApiError> {
        let row =
            groups::get(app.direct(), id).await?.ok_or_else(|| ApiError::not_found("group"))?;
        let members = groups::members(&app.pool, id, SHOWN + 1).await?;
        let members = (members.len() <= usize::from(SHOWN)).then_some(members);
        Ok(Self { group: row.into(), members })
    }
}

impl GroupView {
    /// Groups as they were where the fleet is.
    pub(super) async fn past(
        app: &App,
        fleet: &Fleet,
        ids: &[GroupId],
    ) -> Result<Vec<Self>, ApiError> {
        let log = app.commands.store().log();
        let mut rows = past::groups(&log, fleet, ids).await?;
        Ok(ids.iter().filter_map(|id| rows.remove(id)).map(Self::from).collect())
    }
}

impl GroupDetails {
    /// A group as it was where the fleet is; 404 where there was none.
    pub(super) async fn past(app: &App, fleet: &Fleet, id: GroupId) -> Result<Self, ApiError> {
        fleet.group(id).ok_or_else(|| ApiError::not_found("group"))?;
        let group = GroupView::past(app, fleet, &[id]).await?.pop();
        let group = group.ok_or_else(|| ApiError::not_found("group"))?;
        let members = past::members(fleet, id);
        let members = (members.len() <= usize::from(SHOWN)).then_some(members);
        Ok(Self { group, members })
    }
}

impl Entity for GroupDetails {
    fn version(&self) -> i64 {
        self.group.version
    }
}
