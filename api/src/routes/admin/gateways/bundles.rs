//! `GET /admin/gateways/{id}/bundles`

use std::str::FromStr;

use axum::extract::State;
use chrono::{DateTime, Utc};
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::reports::PublishedBundle;
use nexavpn_projections::gateways;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

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

/// A place in the record.
struct Place {
    epoch: i64,
    revision: i64,
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, revision) = text.split_once('.').ok_or(())?;
        let number = |text: &str| text.parse().map_err(|_| ());
        Ok(Self { epoch: number(epoch)?, revision: number(revision)? })
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
    let page = KeysetPage::<Place>::of(asked.after.as_deref(), asked.page_size.as_deref())?;
    let below = page.after.as_ref().map(|place| (place.epoch, place.revision));
    let mut bundles = app.reports.bundles(id, below, page.and_one_more()).await?;
    // The record of a gateway outlives it.
    if bundles.is_empty() && gateways::get(app.direct(), id).await?.is_none() {
        return Err(ApiError::not_found("gateway"));
    }
    let next = page.cut(&mut bundles, |one| format!("{}.{}", one.epoch, one.revision));
    let items = bundles.into_iter().map(Into::into).collect();
    Ok(axum::Json(Answer { gateway_id: id, items, next }))
}
