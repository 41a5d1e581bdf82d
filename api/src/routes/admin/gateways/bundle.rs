//! `GET /admin/gateways/{id}/bundle`

use axum::extract::State;
use nexavpn_bundle::{Payload, canonical};
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::render;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::bundles::BundleView;
use crate::{
    App,
    error::ApiError,
    extract::{Path, Query},
    moment::{AsOf, Moment},
};

/// Which bundle.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The bundle's revision.
    #[param(value_type = Option<i64>)]
    revision: Option<String>,
    /// In its place, a moment: a time, or the number of an event. Then it is the newest bundle that
    /// there was. The present where both are left out.
    #[param(value_type = Option<String>)]
    at: Option<String>,
}

/// A bundle of any time, rendered from the events.
#[derive(Serialize, ToSchema)]
#[schema(as = RenderedBundle)]
pub(super) struct Answer {
    gateway_id: GatewayId,
    epoch: i64,
    revision: i64,
    /// SHA-256 of the payload as it is rendered now.
    sha256: String,
    /// The record of its publication; null where it was not published, because the gateway went on
    /// to a later one or never asked.
    published: Option<BundleView>,
    /// Whether what is rendered now is, byte for byte, what was published; null where nothing was.
    /// A later version of this program may write the same access otherwise.
    as_published: Option<bool>,
    payload: Payload,
}

/// A gateway's bundle of any revision, or as of any moment: rendered from the events up to it by
/// what publishes the newest one, and compared with the record.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/bundle",
    operation_id = "gateways_bundle",
    tag = "gateways",
    params(Asked),
    responses((status = 200, description = "The bundle.", body = Answer)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Answer>, ApiError> {
    let (at, exact) = moment(&app, &asked).await?;
    let fleet = app.fleet_as_of(at).await?;
    let gateway = fleet.gateway(id).ok_or_else(|| ApiError::not_found("gateway"))?;
    let revision = gateway.revision;
    if exact && revision != at.idx {
        let message = format!(
            "is none of this gateway's: the newest one up to there is {revision} (or name a moment \
             with at)"
        );
        return Err(ApiError::field("revision", message));
    }
    let record = app.reports.bundle(id, revision).await?;
    let epoch = record.as_ref().map_or_else(|| app.commands.store().epoch(), |one| one.epoch);
    let rendered = move || {
        let payload = render(&fleet, id, epoch)?;
        let bytes = payload.as_ref().map(canonical).transpose()?;
        Ok::<_, nexavpn_bundle::BundleError>(payload.zip(bytes))
    };
    let rendered = tokio::task::spawn_blocking(rendered).await;
    let rendered = rendered.map_err(|e| ApiError::internal(&e))?;
    let rendered = rendered.map_err(|e| ApiError::internal(&e))?;
    let (payload, bytes) = rendered.ok_or_else(|| ApiError::not_found("gateway"))?;
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let as_published = record.as_ref().map(|record| record.sha256 == sha256);
    Ok(axum::Json(Answer {
        gateway_id: id,
        epoch,
        revision,
        sha256,
        published: record.map(Into::into),
        as_published,
        payload,
    }))
}

/// The moment, and whether it has to be a revision.
async fn moment(app: &App, asked: &Asked) -> Result<(AsOf, bool), ApiError> {
    let revision = Moment::parse("revision", asked.revision.as_deref())?;
    let at = Moment::parse("at", asked.at.as_deref())?;
    match (revision, at) {
        (Some(Moment::Time(_)), _) => Err(ApiError::field("revision", "must be a number")),
        (Some(_), Some(_)) => {
            Err(ApiError::field("at", "must be left out where revision is given"))
        }
        (Some(revision), None) => Ok((app.as_of("revision", revision).await?, true)),
        (None, Some(at)) => Ok((app.as_of("at", at).await?, false)),
        (None, None) => Ok((app.look(None, |_| ()).await?.0, false)),
    }
}
