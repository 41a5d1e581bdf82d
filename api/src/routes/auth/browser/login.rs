//! `POST /auth/browser/login`

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse as _, Response},
};

use super::{
    super::session::{Login, Tokens},
    BrowserSession, OwnPage, keep,
};
use crate::{
    App,
    auth::{Caller, Origin},
    error::ApiError,
    extract::Json,
};

/// Signs a web page in. The refresh token comes as a cookie that no script can read and that only
/// `/auth/browser/…` looks at. 401 `invalid_credentials` says nothing about which part was wrong.
#[utoipa::path(
    post,
    path = "/auth/browser/login",
    operation_id = "auth_browser_login",
    tag = "auth",
    request_body = Login,
    responses(
        (status = 200, description = "A new session.", body = BrowserSession),
        (status = 403, description = "`cross_site`: another site's page may not sign in or out here"),
    ),
)]
pub(super) async fn handle(
    _: OwnPage,
    State(app): State<App>,
    Extension(origin): Extension<Origin>,
    caller: Caller,
    Json(login): Json<Login>,
) -> Result<Response, ApiError> {
    let (tokens, settled) = Tokens::login(&app, &caller, login).await?;
    let token = tokens.refresh_token.clone();
    let mut response = axum::Json(BrowserSession::from(tokens)).into_response();
    keep(&mut response, &token, &app, origin)?;
    Ok(settled.answer(response))
}
