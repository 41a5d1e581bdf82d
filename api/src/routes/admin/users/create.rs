//! `POST /admin/users`

use axum::{extract::State, response::Response};
use nexavpn_commands::{NewUser, Secret};
use nexavpn_domain::values::Role;
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserView;
use crate::{App, auth::Caller, error::ApiError, extract::Json, routes::admin::entity::created};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserCreate)]
pub(super) struct Create {
    username: String,
    display_name: Option<String>,
    email: Option<String>,
    #[schema(value_type = Option<Role>)]
    role: Option<String>,
    password: Option<String>,
    /// Whether the user has to choose another password at the first sign-in; so it is unless this
    /// is false.
    must_change_password: Option<bool>,
}

/// Creates a user. Without a password the user cannot sign in with one until an admin sets it.
#[utoipa::path(
    post,
    path = "/admin/users",
    operation_id = "users_create",
    tag = "users",
    request_body = Create,
    responses((status = 201, description = "The new user.", body = UserView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<Create>,
) -> Result<Response, ApiError> {
    let new = NewUser {
        username: new.username,
        display_name: new.display_name,
        email: new.email,
        role: new.role,
        password: new.password.map(Secret::new),
        must_change_password: new.must_change_password.unwrap_or(true),
    };
    let done = app.commands.create_user(&caller.request, new).await?;
    let mut settled = app.acknowledge(done.position).await;
    let view = UserView::new(&app, &mut settled, done.value).await;
    created(settled, "users", done.value, view)
}
