//! `GET /admin/gateways/{id}/bundles`

use axum::extract::State;
use chrono::{DateTime, Utc};
use nexavpn_domain::{Problems, ids::GatewayId};
use nexavpn_gateway_projector::reports::PublishedBundle;
use nexavpn_projections::gateways;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

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
    /// How many bundles, at most 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    page_size: Option<String>,
}

/// The bundles that were published to a gateway.
#[derive(Serialize, ToSchema)]
#[schema(as = BundlesAnswer)]
pub(super) struct Answer {
    gateway_id: GatewayId,
    /// The newest first. Nothing is ever removed from the record.
    items: Vec<BundleView>,
    /// What to give as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// A bundle that was published, and what became of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PublishedBundle)]
pub(super) struct BundleView {
    epoch: i64,
    revision: i64,
    sha256: String,
    published_at: DateTime<Utc>,
    /// When the gateway first reported that it is in force; null where it never has: it went on to
    /// a later one, or has not come so far.
    applied_at: Option<DateTime<Utc>>,
    /// When the gateway last reported that it refused it, or could not apply it.
    rejected_at: Option<DateTime<Utc>>,
    /// The stable code of the reason.
    rejected_code: Option<String>,
    /// Why, as the agent said.
    rejected_reason: Option<String>,
}

impl From<PublishedBundle> for BundleView {
    fn from(bundle: PublishedBundle) -> Self {
        Self {
            epoch: bundle.epoch,
            revision: bundle.revision,
            sha256: bundle.sha256,
            published_at: bundle.published_at,
            applied_at: bundle.applied_at,
            rejected_at: bundle.rejected_at,
            rejected_code: bundle.rejected_code,
            rejected_reason: bundle.rejected_reason,
        }
    }
}

impl Asked {
    fn page(&self) -> Result<(Option<(i64, i64)>, u32), ApiError> {
        let mut problems = Problems::default();
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let after = given(&self.after).and_then(|text| {
            let place = text
                .split_once('.')
                .and_then(|(epoch, revision)| Some((epoch.parse().ok()?, revision.parse().ok()?)));
            let why = || "must be the next of a page of this record".to_owned();
            problems.check("after", place.ok_or_else(why))
        });
        let size = given(&self.page_size).and_then(|text| {
            let size = text.parse().ok().filter(|n| (1..=LARGEST_PAGE).contains(n));
            problems.check("page_size", size.ok_or_else(|| "must be between 1 and 200".to_owned()))
        });
        problems.finish()?;
        Ok((after, size.unwrap_or(USUAL_PAGE)))
    }
}

/// The bundles that were published to a gateway, and when each was applied or refused.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/bundles",
    operation_id = "gateways_bundles",
    tag = "gateways",
    params(Asked),
    responses((status = 200, description = "A page of the record.", body = Answer)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Answer>, ApiError> {
    let (below, size) = asked.page()?;
    // One more tells whether there is another page.
    let mut bundles = app.reports.bundles(id, below, size + 1).await?;
    // The record of a gateway outlives it.
    if bundles.is_empty() && gateways::get(&app.pool, id).await?.is_none() {
        return Err(ApiError::not_found("gateway"));
    }
    let more = bundles.len() > size as usize;
    bundles.truncate(size as usize);
    let next = bundles.last().filter(|_| more);
    let next = next.map(|bundle| format!("{}.{}", bundle.epoch, bundle.revision));
    let items = bundles.into_iter().map(Into::into).collect();
    Ok(axum::Json(Answer { gateway_id: id, items, next }))
}
