//! `POST /auth/browser/refresh`

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};

use super::{super::session::Tokens, BrowserSession, OwnPage, cookie, keep};
use crate::{
    App,
    auth::{Caller, Origin},
    error::{ApiError, RefusedCodes},
};

/// Goes on with a web page's session: the cookie is exchanged for the next one. Each works once; a
/// second use ends the session, except that a browser which has lost the answer may come again
/// within 30 seconds. 401 `invalid_token`, also without a cookie, takes the cookie away.
#[utoipa::path(
    post,
    path = "/auth/browser/refresh",
    operation_id = "auth_browser_refresh",
    tag = "auth",
    responses(
        (status = 200, description = "The session with its next token.", body = BrowserSession),
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
    let Some(token) = cookie().sent(&headers) else {
        let message = "there is no cookie with a refresh token: sign in";
        let error = ApiError::unauthenticated("invalid_token", message);
        let mut response = error.into_response();
        // Whoever opens the first page is asked this way whether they are signed in: that is no
        // failure to record.
        response.extensions_mut().insert(RefusedCodes(vec![]));
        cookie().forget(&mut response, origin)?;
        return Ok(response);
    };
    let session = match app.commands.refresh_browser(&caller.request, &token).await {
        Ok(session) => session,
        Err(error) => {
            let error = ApiError::from(error);
            let ended = error.status() == StatusCode::UNAUTHORIZED;
            let mut response = error.into_response();
            if ended {
                cookie().forget(&mut response, origin)?;
            }
            return Ok(response);
        }
    };
    let tokens = Tokens::of(&app, session).await?;
    let token = tokens.refresh_token.clone();
    let mut response = axum::Json(BrowserSession::from(tokens)).into_response();
    keep(&mut response, &token, &app, origin)?;
    Ok(response)
}
