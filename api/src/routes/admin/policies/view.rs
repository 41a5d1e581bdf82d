//! A policy as lists and entity answers show it.

use chrono::{DateTime, Utc};
use nexavpn_domain::{ids::PolicyId, policy::PolicyFields};
use nexavpn_projections::policies::{self, PolicyRow};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, error::ApiError, routes::admin::entity::Entity};

/// A policy, in the words of the request that makes one.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Policy)]
pub(super) struct PolicyView {
    id: PolicyId,
    #[serde(flatten)]
    fields: PolicyFields,
    /// Whether it counts: enabled, begun and not over.
    in_force: bool,
    /// The number in the ETag.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<PolicyRow> for PolicyView {
    fn from(row: PolicyRow) -> Self {
        Self {
            id: row.id,
            fields: row.fields,
            in_force: row.in_force,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl PolicyView {
    /// A policy that was not deleted; 404 otherwise.
    pub(super) async fn load(app: &App, id: PolicyId) -> Result<Self, ApiError> {
        let row = policies::get(&app.pool, id).await?;
        row.map(Self::from).ok_or_else(|| ApiError::not_found("policy"))
    }
}

impl Entity for PolicyView {
    fn version(&self) -> i64 {
        self.version
    }
}
