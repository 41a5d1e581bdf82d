//! `/admin/preview/users…`

use axum::extract::State;
use nexavpn_commands::Change;
use nexavpn_domain::ids::UserId;

use super::{Shown, preview, view::Preview};
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Path, Query},
};

/// What deleting a user would do.
#[utoipa::path(
    delete,
    path = "/admin/preview/users/{id}",
    operation_id = "preview_users_delete",
    tag = "previews",
    params(Shown),
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Query(shown): Query<Shown>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::DeleteUser(id)).await
}

/// What disabling a user would do.
#[utoipa::path(
    post,
    path = "/admin/preview/users/{id}/disable",
    operation_id = "preview_users_disable",
    tag = "previews",
    params(Shown),
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn disable(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Query(shown): Query<Shown>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::DisableUser(id)).await
}

/// What enabling a user would do.
#[utoipa::path(
    post,
    path = "/admin/preview/users/{id}/enable",
    operation_id = "preview_users_enable",
    tag = "previews",
    params(Shown),
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn enable(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Query(shown): Query<Shown>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::EnableUser(id)).await
}
