//! `/admin/preview/groups…`

use axum::extract::State;
use nexavpn_commands::Change;
use nexavpn_domain::ids::{GroupId, UserId};

use super::{Shown, preview, view::Preview};
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path, Query},
    routes::admin::{
        groups::{GroupCreateBody, GroupPatchBody},
        restore::RestoreBody,
    },
};

/// What creating a group would do.
#[utoipa::path(
    post,
    path = "/admin/preview/groups",
    operation_id = "preview_groups_create",
    tag = "previews",
    params(Shown),
    request_body = GroupCreateBody,
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Query(shown): Query<Shown>,
    Json(body): Json<GroupCreateBody>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::CreateGroup(body.into())).await
}

/// What changing a group, its members among it, would do.
#[utoipa::path(
    patch,
    path = "/admin/preview/groups/{id}",
    operation_id = "preview_groups_change",
    tag = "previews",
    params(Shown),
    request_body = GroupPatchBody,
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GroupId>,
    Query(shown): Query<Shown>,
    Json(body): Json<GroupPatchBody>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::ChangeGroup(id, body.into())).await
}

/// What deleting a group would do.
#[utoipa::path(
    delete,
    path = "/admin/preview/groups/{id}",
    operation_id = "preview_groups_delete",
    tag = "previews",
    params(Shown),
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GroupId>,
    Query(shown): Query<Shown>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::DeleteGroup(id)).await
}

/// What making a user a member would do.
#[utoipa::path(
    put,
    path = "/admin/preview/groups/{id}/members/{user_id}",
    operation_id = "preview_groups_add_member",
    tag = "previews",
    params(Shown),
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn add_member(
    State(app): State<App>,
    caller: Caller,
    Path((id, user)): Path<(GroupId, UserId)>,
    Query(shown): Query<Shown>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::AddMember(id, user)).await
}

/// What taking a user out of a group would do.
#[utoipa::path(
    delete,
    path = "/admin/preview/groups/{id}/members/{user_id}",
    operation_id = "preview_groups_remove_member",
    tag = "previews",
    params(Shown),
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    Path((id, user)): Path<(GroupId, UserId)>,
    Query(shown): Query<Shown>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::RemoveMember(id, user)).await
}

/// What making a group what it was at an earlier moment would do.
#[utoipa::path(
    post,
    path = "/admin/preview/groups/{id}/restore",
    operation_id = "preview_groups_restore",
    tag = "previews",
    params(Shown),
    request_body = RestoreBody,
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn restore(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GroupId>,
    Query(shown): Query<Shown>,
    Json(body): Json<RestoreBody>,
) -> Result<axum::Json<Preview>, ApiError> {
    let idx = body.idx(&app).await?;
    preview(app, caller, shown, Change::RestoreGroup(id, idx)).await
}
