//! `POST /admin/groups`

use axum::{extract::State, response::Response};
use nexavpn_commands::GroupInput;
use nexavpn_domain::ids::UserId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::GroupDetails;
use crate::{App, auth::Caller, error::ApiError, extract::Json, routes::admin::entity::created};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupCreate)]
pub(in crate::routes::admin) struct Create {
    name: String,
    description: Option<String>,
    #[serde(default)]
    members: Vec<UserId>,
}

/// Creates a group.
#[utoipa::path(
    post,
    path = "/admin/groups",
    operation_id = "groups_create",
    tag = "groups",
    request_body = Create,
    responses((status = 201, description = "The new group.", body = GroupDetails)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<Create>,
) -> Result<Response, ApiError> {
    let done = app.commands.create_group(&caller.request, new.into()).await?;
    let settled = app.settle(done.position).await;
    created(settled, "groups", done.value, GroupDetails::load(&app, done.value).await)
}

impl From<Create> for GroupInput {
    fn from(Create { name, description, members }: Create) -> Self {
        Self { name, description, members }
    }
}
