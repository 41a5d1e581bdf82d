//! `GET /admin/access/diff`

use std::sync::Arc;

use axum::extract::State;
use nexavpn_domain::fleet::Outlook;
use nexavpn_projections::devices::names;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Query, required},
    moment::{AsOf, Moment, MomentView},
    routes::admin::preview::{
        self,
        compose::{Asker, Composer},
        view::{AccessChanges, DeviceTotals, GatewayChange, List},
    },
};

/// Which span of time.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Span {
    /// The earlier moment: a time, or the number of an event.
    #[param(value_type = Option<String>)]
    from: Option<String>,
    /// The later moment; the present where it is left out.
    #[param(value_type = Option<String>)]
    to: Option<String>,
    /// The number of an event, in the place of both: what that event alone has changed.
    #[param(value_type = Option<i64>)]
    event: Option<String>,
    /// The most devices that the answer shows, from 1 to 1,000; 100 unless said otherwise. Ten
    /// times as many destinations. The totals count all of them.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<String>,
}

/// What has changed in who reaches what between two moments.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessDiff)]
pub(super) struct Answer {
    from: MomentView,
    to: MomentView,
    /// How many devices another status, access or profile has come to.
    devices: DeviceTotals,
    /// The devices by what they gained and lost: before is the earlier moment, after the later one.
    /// First those with a device of the caller, then those of the most devices.
    changes: AccessChanges,
    /// The gateways that got a new revision, with the one that they had before.
    gateways: List<GatewayChange>,
}

/// What a span of time, or one event, has changed in who reaches what.
#[utoipa::path(
    get,
    path = "/admin/access/diff",
    operation_id = "access_diff",
    tag = "access",
    params(Span),
    responses((status = 200, description = "What has changed.", body = Answer)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(span): Query<Span>,
) -> Result<axum::Json<Answer>, ApiError> {
    let limit = preview::limit(span.limit.as_deref())?;
    let (from, to) = ends(&app, &span).await?;
    let before = app.fleet_as_of(from).await?;
    let after = app.fleet_as_of(to).await?;
    let asker = Asker { user: caller.user()?.user_id, address: caller.request.client_address };
    // Everybody's access may be another one.
    let compose = move || {
        let outlook = Outlook::between(Arc::clone(&before), Arc::clone(&after));
        let composer = Composer::new(&outlook, asker, limit);
        (composer.totals(), composer.changes(), composer.gateways())
    };
    let composed = tokio::task::spawn_blocking(compose).await;
    let (devices, mut changes, gateways) = composed.map_err(|error| ApiError::internal(&error))?;
    changes.name(&names(&app.pool, &changes.shown_devices()).await?);
    Ok(axum::Json(Answer { from: from.into(), to: to.into(), devices, changes, gateways }))
}

async fn ends(app: &App, span: &Span) -> Result<(AsOf, AsOf), ApiError> {
    let from = Moment::parse("from", span.from.as_deref())?;
    let to = Moment::parse("to", span.to.as_deref())?;
    let event = match Moment::parse("event", span.event.as_deref())? {
        None => None,
        Some(Moment::Idx(idx @ 1..)) => Some(idx),
        Some(_) => return Err(ApiError::field("event", "must be the number of an event, from 1")),
    };
    match (from, to, event) {
        (None, None, Some(idx)) => {
            let to = app.as_of("event", Moment::Idx(idx)).await?;
            Ok((app.as_of("event", Moment::Idx(idx - 1)).await?, to))
        }
        (Some(_), _, Some(_)) => {
            Err(ApiError::field("from", "must be left out where event is given"))
        }
        (_, Some(_), Some(_)) => {
            Err(ApiError::field("to", "must be left out where event is given"))
        }
        (None, _, None) => Err(required("from")),
        (Some(from), to, None) => {
            let from = app.as_of("from", from).await?;
            let to = match to {
                Some(to) => app.as_of("to", to).await?,
                None => app.look(None, |_| ()).await?.0,
            };
            if to.idx < from.idx {
                return Err(ApiError::field("to", "must not be earlier than from"));
            }
            Ok((from, to))
        }
    }
}
