//! What a change would do: the same request as the real one, to the same path with `/preview`
//! behind `/admin`.
//!
//! | file | holds |
//! | --- | --- |
//! | `policies.rs`, `groups.rs`, `users.rs`, `devices.rs` | the requests |
//! | `bulk.rs` | one action on many |
//! | `view.rs` | the answer |
//! | `compose.rs` | from what the events do to the fleet to the answer |
//! | `warnings.rs` | what the answer warns of |
//!
//! A further change is previewable with one variant of [`Change`] and one handler here.

mod bulk;
pub(super) mod compose;
mod devices;
mod groups;
mod policies;
mod users;
pub(super) mod view;
mod warnings;

use std::time::Instant;

use nexavpn_commands::Change;
use nexavpn_domain::{Event, fleet::Outlook};
use nexavpn_gateway_projector::{FleetStatus, Waited};
use nexavpn_projections::devices::names;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, auth::Caller, error::ApiError};
use compose::{Asker, Composer};
use view::Preview;

/// The most entries that an answer shows unless it is asked for another number.
const SHOWN: usize = 100;
/// The most that may be asked for.
const MOST_SHOWN: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(policies::create))
        .routes(routes!(policies::change, policies::delete))
        .routes(routes!(groups::create))
        .routes(routes!(groups::change, groups::delete))
        .routes(routes!(groups::add_member, groups::remove_member))
        .routes(routes!(users::delete))
        .routes(routes!(users::disable))
        .routes(routes!(users::enable))
        .routes(routes!(devices::disable))
        .routes(routes!(devices::enable))
        .routes(routes!(devices::revoke))
        .routes(routes!(policies::restore))
        .routes(routes!(groups::restore))
        .routes(routes!(devices::restore))
        .routes(routes!(bulk::users))
        .routes(routes!(bulk::devices))
        .routes(routes!(bulk::policies))
}

/// How much to show.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Shown {
    /// The most devices that the answer shows, from 1 to 1,000; 100 unless said otherwise. Ten
    /// times as many destinations. The totals count all of them. The same holds for each later
    /// moment.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<String>,
}

impl Shown {
    fn limit(&self) -> Result<usize, ApiError> {
        limit(self.limit.as_deref())
    }
}

/// How much to show, where that is asked for.
pub(super) fn limit(text: Option<&str>) -> Result<usize, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(SHOWN);
    };
    let limit = text.parse().ok().filter(|limit| (1..=MOST_SHOWN).contains(limit));
    let message = format!("must be a whole number between 1 and {MOST_SHOWN}");
    limit.ok_or_else(|| ApiError::field("limit", message))
}

/// Rehearses the change and says what its events would do.
async fn preview(
    app: App,
    caller: Caller,
    shown: Shown,
    change: Change,
) -> Result<axum::Json<Preview>, ApiError> {
    let limit = shown.limit()?;
    let events = app.commands.rehearse(&caller.request, change).await?;
    Ok(axum::Json(of_events(&app, &caller, limit, events).await?))
}

/// What rehearsed events would do, all together.
async fn of_events(
    app: &App,
    caller: &Caller,
    limit: usize,
    events: Vec<Event>,
) -> Result<Preview, ApiError> {
    follow(app).await?;
    let asker = Asker { user: caller.user()?.user_id, address: caller.request.client_address };
    let (fleet, now) = (app.fleet.clone(), app.commands.now());
    // Everybody's access may have to be worked out.
    let composed = tokio::task::spawn_blocking(move || {
        let outlook = Outlook::try_out(fleet.read(|fleet| fleet.excerpt(&events)), &events, now);
        Composer::new(&outlook, asker, limit).preview(&events)
    });
    let mut preview = composed.await.map_err(|error| ApiError::internal(&error))?;
    let shown = preview.shown_devices();
    preview.name(&names(&app.pool, &shown).await?);
    Ok(preview)
}

/// Waits until the fleet knows what the rehearsal knew.
async fn follow(app: &App) -> Result<(), ApiError> {
    let head = app.commands.store().head().borrow().idx;
    let deadline = Instant::now() + app.http.consistency_wait;
    let waited = app.fleet.wait_for(head, deadline).await;
    if waited == Waited::Reached && app.fleet.status() == FleetStatus::Live {
        return Ok(());
    }
    let message = "the control plane is still reading its events: try again";
    Err(ApiError::unavailable("not_live", message, 1))
}
