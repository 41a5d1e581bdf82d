//! `GET /admin/gateways/{id}/convergence`

use axum::extract::State;
use chrono::{DateTime, Utc};
use nexavpn_domain::{Problems, ids::GatewayId};
use nexavpn_gateway_projector::reports::{BundleOutcome, BundleRecord, RecordCursor};
use nexavpn_projections::gateways;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ConvergenceView, GatewayView};
use crate::{
    App,
    error::ApiError,
    extract::{Path, Query},
};

const USUAL_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 200;

/// Which part of the record.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<String>,
    /// How many entries, at most 200.
    #[param(value_type = Option<u32>)]
    page_size: Option<String>,
}

/// How a gateway stands to its newest bundle, and how it came to that.
#[derive(Serialize, ToSchema)]
#[schema(as = ConvergenceAnswer)]
pub(super) struct Answer {
    gateway_id: GatewayId,
    convergence: ConvergenceView,
    /// A page of the record, the newest entry first. Nothing is ever removed from it.
    items: Vec<Entry>,
    /// What to give as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// What happened to a bundle.
#[derive(Serialize, ToSchema)]
#[schema(as = BundleRecord)]
struct Entry {
    /// When, by the control plane's clock.
    at: DateTime<Utc>,
    /// `published`, `applied` or `rejected`.
    outcome: &'static str,
    /// Null where nothing in a rejected bundle could be believed.
    epoch: Option<i64>,
    revision: Option<i64>,
    sha256: Option<String>,
    /// Where it was rejected: the stable code of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Where it was rejected: why, as the agent said.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<BundleRecord> for Entry {
    fn from(record: BundleRecord) -> Self {
        let (outcome, code, reason) = match record.outcome {
            BundleOutcome::Published => ("published", None, None),
            BundleOutcome::Applied => ("applied", None, None),
            BundleOutcome::Rejected { code, reason } => ("rejected", Some(code), Some(reason)),
        };
        let BundleRecord { at, epoch, revision, sha256, .. } = record;
        Self { at, outcome, epoch, revision, sha256, code, reason }
    }
}

impl Asked {
    fn page(&self) -> Result<(Option<RecordCursor>, u32), ApiError> {
        let mut problems = Problems::default();
        let after = self.after.as_deref().and_then(|text| {
            let why = |_| "must be the next of a page of this record".to_owned();
            problems.check("after", text.parse::<RecordCursor>().map_err(why))
        });
        let size = self.page_size.as_deref().and_then(|text| {
            let size = text.parse().ok().filter(|n| (1..=LARGEST_PAGE).contains(n));
            problems.check("page_size", size.ok_or_else(|| "must be between 1 and 200".to_owned()))
        });
        problems.finish()?;
        Ok((after, size.unwrap_or(USUAL_PAGE)))
    }
}

/// How a gateway stands to its newest bundle, and the record of what was published to it, applied
/// and rejected by it, and when.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/convergence",
    operation_id = "gateways_convergence",
    tag = "gateways",
    params(Asked),
    responses((status = 200, description = "A page of the record.", body = Answer)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Answer>, ApiError> {
    let (after, size) = asked.page()?;
    let row = gateways::get(&app.pool, id).await?;
    let row = row.ok_or_else(|| ApiError::not_found("gateway"))?;
    let view = GatewayView::all(&app, vec![row]).await?.pop();
    let convergence = view.ok_or_else(|| ApiError::not_found("gateway"))?.convergence();
    // One more tells whether there is another page.
    let mut records = app.reports.record(id, after, size + 1).await?;
    let more = records.len() > size as usize;
    records.truncate(size as usize);
    let next = records.last().filter(|_| more).map(|record| record.cursor.to_string());
    let items = records.into_iter().map(Into::into).collect();
    Ok(axum::Json(Answer { gateway_id: id, convergence, items, next }))
}
