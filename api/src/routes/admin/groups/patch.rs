//! `PATCH /admin/groups/{id}`

use axum::{extract::State, response::Response};
use nexavpn_commands::GroupPatch;
use nexavpn_domain::ids::{GroupId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::GroupDetails;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::admin::entity::changed,
};

/// The request: what is left out stays. `members` replaces all of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupPatch)]
pub(in crate::routes::admin) struct Patch {
    name: Option<String>,
    description: Option<String>,
    members: Option<Vec<UserId>>,
}

/// Changes a group.
#[utoipa::path(
    patch,
    path = "/admin/groups/{id}",
    operation_id = "groups_change",
    tag = "groups",
    request_body = Patch,
    responses((status = 200, description = "The group as it is now.", body = GroupDetails)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GroupId>,
    Json(patch): Json<Patch>,
) -> Result<Response, ApiError> {
    let done = app.commands.change_group(&caller.request, id, patch.into()).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, GroupDetails::load(&app, id).await)
}

impl From<Patch> for GroupPatch {
    fn from(Patch { name, description, members }: Patch) -> Self {
        Self { name, description, members }
    }
}
