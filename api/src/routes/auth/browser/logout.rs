//! `POST /auth/browser/logout`

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};

use super::{OwnPage, cookie};
use crate::{
    App,
    auth::{Caller, Origin},
    error::ApiError,
};

/// Signs a web page out: takes the cookie away and ends the session, whose access tokens do not work
/// from now on. 204 also where there is no cookie, or one that no longer works.
#[utoipa::path(
    post,
    path = "/auth/browser/logout",
    operation_id = "auth_browser_logout",
    tag = "auth",
    responses(
        (status = 204, description = "The session is over."),
        (status = 403, description = "`cross_site`: another site's page may not sign in or out here"),
    ),
)]
pub(super) async fn handle(
    _: OwnPage,
    State(app): State<App>,
    Extension(origin): Extension<Origin>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookie().forget(&mut response, origin)?;
    let Some(token) = cookie().sent(&headers) else { return Ok(response) };
    let done = app.commands.logout(&caller.request, &token).await?;
    Ok(app.settle(done.position).await.answer(response))
}
