//! `GET /me/activity`

use axum::{extract::State, response::Response};
use nexavpn_projections::{
    Page,
    audit::{self, Activity},
};

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    routes::admin::{Exported, Listing, number_range},
};

/// What one did oneself, and what was done to one's account, devices and sessions: a part of the
/// audit log, the newest first.
#[utoipa::path(
    get,
    path = "/me/activity",
    operation_id = "me_activity",
    tag = "me",
    responses((
        status = 200,
        description = "A page of one's own activity. As CSV or NDJSON: all of it.",
        content(
            (Page<Activity> = "application/json"), (String = "text/csv"),
            (String = "application/x-ndjson"),
        ),
    )),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    mut listing: Listing,
) -> Result<Response, ApiError> {
    let me = caller.user()?.user_id;
    app.level_audit_log().await?;
    let page = move |app: App, query| async move {
        let log = app.commands.store().log();
        Ok(audit::activity(&app.pool, &log, me, query).await?)
    };
    number_range(&app, &mut listing).await?;
    listing.answer(app, "activity", page).await
}

impl Exported for Activity {
    const COLUMNS: &'static [&'static str] = &[
        "idx",
        "time",
        "by",
        "event_type",
        "summary",
        "entity_type",
        "entity_id",
        "entity_name",
        "status",
        "client_address",
        "user_agent",
        "changes",
    ];
}
