//! `/admin/preview/…/bulk`

use std::hash::Hash;

use axum::extract::State;
use nexavpn_commands::Rehearsal;
use nexavpn_domain::ids::{DeviceId, PolicyId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Shown, of_events, view::Preview};
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Query},
    routes::admin::{
        bulk::{Ids, Item, Outcome},
        devices::DeviceBulk,
        policies::PolicyBulk,
        users::UserBulk,
    },
};

/// What an action on many would do. Each is tried as if it were the only one, and what all of
/// them would record is looked at together: two policies may open what neither closes alone.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkPreview)]
pub(super) struct Answer<I> {
    /// What it would do to all that would not be refused.
    preview: Preview,
    /// To which it would not be done, with the answers of the single routes.
    refused: Vec<Item<I>>,
}

/// What an action on many users would do.
#[utoipa::path(
    post,
    path = "/admin/preview/users/bulk",
    operation_id = "preview_users_bulk",
    tag = "previews",
    params(Shown),
    request_body = UserBulk,
    responses((status = 200, description = "What would happen.", body = Answer<UserId>)),
)]
pub(super) async fn users(
    State(app): State<App>,
    caller: Caller,
    Query(shown): Query<Shown>,
    Json(bulk): Json<UserBulk>,
) -> Result<axum::Json<Answer<UserId>>, ApiError> {
    preview(&app, caller, shown, async |caller| bulk.run(&app, caller).await).await
}

/// What an action on many devices would do. There is none of `move`, which takes addresses.
#[utoipa::path(
    post,
    path = "/admin/preview/devices/bulk",
    operation_id = "preview_devices_bulk",
    tag = "previews",
    params(Shown),
    request_body = DeviceBulk,
    responses((status = 200, description = "What would happen.", body = Answer<DeviceId>)),
)]
pub(super) async fn devices(
    State(app): State<App>,
    caller: Caller,
    Query(shown): Query<Shown>,
    Json(bulk): Json<DeviceBulk>,
) -> Result<axum::Json<Answer<DeviceId>>, ApiError> {
    preview(&app, caller, shown, async |caller| bulk.run(&app, caller).await).await
}

/// What an action on many policies would do.
#[utoipa::path(
    post,
    path = "/admin/preview/policies/bulk",
    operation_id = "preview_policies_bulk",
    tag = "previews",
    params(Shown),
    request_body = PolicyBulk,
    responses((status = 200, description = "What would happen.", body = Answer<PolicyId>)),
)]
pub(super) async fn policies(
    State(app): State<App>,
    caller: Caller,
    Query(shown): Query<Shown>,
    Json(bulk): Json<PolicyBulk>,
) -> Result<axum::Json<Answer<PolicyId>>, ApiError> {
    preview(&app, caller, shown, async |caller| bulk.run(&app, caller).await).await
}

/// Rehearses what `run` does for the caller that it is given.
async fn preview<I: Copy + Eq + Hash + Serialize>(
    app: &App,
    caller: Caller,
    shown: Shown,
    run: impl AsyncFnOnce(&Caller) -> Result<(Ids<I>, Outcome), ApiError>,
) -> Result<axum::Json<Answer<I>>, ApiError> {
    let limit = shown.limit()?;
    let (rehearsal, request) = Rehearsal::of(&caller.request);
    let caller = Caller { request, ..caller };
    let (ids, outcome) = run(&caller).await?;
    let refused = ids.refused(outcome)?;
    let preview = of_events(app, &caller, limit, rehearsal.take()).await?;
    Ok(axum::Json(Answer { preview, refused }))
}
