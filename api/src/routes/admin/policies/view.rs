//! A policy as lists and entity answers show it.

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    StoredEvent as _,
    fleet::Fleet,
    ids::PolicyId,
    policy::{PolicyEvent, PolicyFields},
};
use nexavpn_projections::{
    past,
    policies::{self, PolicyRow},
};
use nexavpn_store::Recorded;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, consistency::Settled, error::ApiError, routes::admin::entity::Entity};

/// A policy, in the words of the request that makes one.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Policy)]
pub(super) struct PolicyView {
    id: PolicyId,
    #[serde(flatten)]
    fields: PolicyFields,
    /// Whether it counts: enabled, begun and not over.
    in_force: bool,
    /// Its place, from 1, among the policies in force, in the order in which they are asked: by
    /// priority, deny before allow, then by age. Null while it is not in force.
    rank: Option<usize>,
    /// The number in the ETag.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl PolicyView {
    fn new(row: PolicyRow) -> Self {
        Self {
            id: row.id,
            fields: row.fields,
            in_force: row.in_force,
            rank: None,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl PolicyView {
    /// A policy that was not deleted; 404 otherwise.
    pub(super) async fn load(app: &App, id: PolicyId) -> Result<Self, ApiError> {
        let row = policies::get(app.direct(), id).await?;
        let mut view = row.map(Self::new).ok_or_else(|| ApiError::not_found("policy"))?;
        Self::rank(app, std::slice::from_mut(&mut view));
        Ok(view)
    }

    /// A policy that a command has just made or changed.
    pub(super) async fn after(
        app: &App,
        settled: &mut Settled,
        id: PolicyId,
    ) -> Result<Self, ApiError> {
        let events = settled.just_appended(app, (PolicyEvent::AGGREGATE_TYPE, id.0));
        let row = match past::new_policy(&events)? {
            Some(row) => Some(row),
            None => Self::changed(app, id, &events).await?,
        };
        let Some(row) = row else {
            *settled = settled.readable(app).await;
            return Self::load(app, id).await;
        };
        let mut view = Self::new(row);
        Self::rank(app, std::slice::from_mut(&mut view));
        Ok(view)
    }

    /// The row of a policy with what these events made of it, which the fleet knows; when it was
    /// made is in the row, however old that is.
    async fn changed(
        app: &App,
        id: PolicyId,
        events: &[Recorded],
    ) -> Result<Option<PolicyRow>, ApiError> {
        let Some(last) = events.last() else { return Ok(None) };
        let policy = app.fleet.read(|fleet| {
            let policy = fleet.policy(id).filter(|_| fleet.idx() >= last.idx)?;
            Some((policy.policy.fields()?.clone(), policy.policy.in_force()))
        });
        let Some((fields, in_force)) = policy else { return Ok(None) };
        let row = policies::get(app.direct(), id).await?;
        let (version, updated_at) = (last.sequence, last.effective_time);
        Ok(row.map(|row| PolicyRow { fields, in_force, version, updated_at, ..row }))
    }

    /// The policies of a list.
    pub(super) fn all(app: &App, rows: Vec<PolicyRow>) -> Vec<Self> {
        let mut views: Vec<Self> = rows.into_iter().map(Self::new).collect();
        Self::rank(app, &mut views);
        views
    }

    /// Policies as they were where the fleet is.
    pub(super) async fn past(
        app: &App,
        fleet: &Fleet,
        ids: &[PolicyId],
    ) -> Result<Vec<Self>, ApiError> {
        let log = app.commands.store().log();
        let mut rows = past::policies(&log, ids, fleet.idx()).await?;
        let rows = ids.iter().filter_map(|id| rows.remove(id));
        let mut views: Vec<Self> = rows.map(Self::new).collect();
        Self::rank_in(fleet, &mut views);
        Ok(views)
    }

    /// Adds what only the evaluator knows: its own order.
    fn rank(app: &App, views: &mut [Self]) {
        app.fleet.read(|fleet| Self::rank_in(fleet, views));
    }

    fn rank_in(fleet: &Fleet, views: &mut [Self]) {
        let ids: Vec<PolicyId> = views.iter().map(|view| view.id).collect();
        let ranks = fleet.policy_ranks(&ids);
        for view in views {
            view.rank = ranks.get(&view.id).copied();
        }
    }
}

impl Entity for PolicyView {
    fn version(&self) -> i64 {
        self.version
    }
}
