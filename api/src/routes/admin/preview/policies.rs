//! `/admin/preview/policies…`

use axum::extract::State;
use nexavpn_commands::Change;
use nexavpn_domain::ids::PolicyId;

use super::{Shown, preview, view::Preview};
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path, Query},
    routes::admin::{policies::PolicyBody, restore::RestoreBody},
};

/// What creating a policy would do.
#[utoipa::path(
    post,
    path = "/admin/preview/policies",
    operation_id = "preview_policies_create",
    tag = "previews",
    params(Shown),
    request_body = PolicyBody,
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Query(shown): Query<Shown>,
    Json(body): Json<PolicyBody>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::CreatePolicy(body.into())).await
}

/// What changing a policy would do.
#[utoipa::path(
    patch,
    path = "/admin/preview/policies/{id}",
    operation_id = "preview_policies_change",
    tag = "previews",
    params(Shown),
    request_body = PolicyBody,
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PolicyId>,
    Query(shown): Query<Shown>,
    Json(body): Json<PolicyBody>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::ChangePolicy(id, body.into())).await
}

/// What deleting a policy would do.
#[utoipa::path(
    delete,
    path = "/admin/preview/policies/{id}",
    operation_id = "preview_policies_delete",
    tag = "previews",
    params(Shown),
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PolicyId>,
    Query(shown): Query<Shown>,
) -> Result<axum::Json<Preview>, ApiError> {
    preview(app, caller, shown, Change::DeletePolicy(id)).await
}

/// What making a policy what it was at an earlier moment would do.
#[utoipa::path(
    post,
    path = "/admin/preview/policies/{id}/restore",
    operation_id = "preview_policies_restore",
    tag = "previews",
    params(Shown),
    request_body = RestoreBody,
    responses((status = 200, description = "What would happen.", body = Preview)),
)]
pub(super) async fn restore(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PolicyId>,
    Query(shown): Query<Shown>,
    Json(body): Json<RestoreBody>,
) -> Result<axum::Json<Preview>, ApiError> {
    let idx = body.idx(&app).await?;
    preview(app, caller, shown, Change::RestorePolicy(id, idx)).await
}
