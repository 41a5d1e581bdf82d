//! `GET /auth/me`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, auth::Caller, error::ApiError, routes::views::UserSummary};

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    #[serde(flatten)]
    user: UserSummary,
    password_change_required: bool,
}

/// The signed-in user and role.
#[utoipa::path(
    get,
    path = "/auth/me",
    operation_id = "auth_me",
    tag = "auth",
    responses((status = 200, description = "Who is signed in.", body = Me)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
) -> Result<axum::Json<Me>, ApiError> {
    let account = caller.user()?;
    let user = UserSummary::load(&app, account.user_id).await?;
    Ok(axum::Json(Me { user, password_change_required: account.must_change_password }))
}
