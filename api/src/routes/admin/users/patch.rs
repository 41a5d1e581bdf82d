//! `PATCH /admin/users/{id}`

use axum::{extract::State, response::Response};
use nexavpn_commands::UserPatch;
use nexavpn_domain::{ids::UserId, values::Role};
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserView;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path, nullable},
    routes::admin::entity::changed,
};

/// The request: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserPatch)]
pub(super) struct Patch {
    username: Option<String>,
    display_name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    email: Option<Option<String>>,
    #[schema(value_type = Option<Role>)]
    role: Option<String>,
}

/// Changes a user. 409 `last_admin` where nobody would be left to administer.
#[utoipa::path(
    patch,
    path = "/admin/users/{id}",
    operation_id = "users_change",
    tag = "users",
    request_body = Patch,
    responses((status = 200, description = "The user as it is now.", body = UserView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(patch): Json<Patch>,
) -> Result<Response, ApiError> {
    let patch = UserPatch {
        username: patch.username,
        display_name: patch.display_name,
        email: patch.email,
        role: patch.role,
    };
    let done = app.commands.change_user(&caller.request, id, patch).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, UserView::load(&app, id).await)
}
