//! `GET /admin/gateways/{id}/convergence`

use axum::extract::State;
use chrono::{DateTime, Utc};
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::reports::{BundleOutcome, BundleRecord, RecordCursor};
use nexavpn_projections::gateways;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ConvergenceView, GatewayView};
use crate::{
    App,
    error::ApiError,
    extract::{Path, Query},
    routes::admin::keyset::KeysetPage,
};

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
    let page = KeysetPage::<RecordCursor>::of(asked.after.as_deref(), asked.page_size.as_deref())?;
    let row = gateways::get(app.direct(), id).await?;
    let row = row.ok_or_else(|| ApiError::not_found("gateway"))?;
    let view = GatewayView::all(&app, vec![row]).await?.pop();
    let convergence = view.ok_or_else(|| ApiError::not_found("gateway"))?.convergence();
    let mut records = app.reports.record(id, page.after, page.and_one_more()).await?;
    let next = page.cut(&mut records, |record| record.cursor.to_string());
    let items = records.into_iter().map(Into::into).collect();
    Ok(axum::Json(Answer { gateway_id: id, convergence, items, next }))
}
