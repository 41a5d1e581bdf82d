//! Beginning a session and going on with one, for all who answer with it.

use nexavpn_commands::{RefreshedSession, Secret};
use nexavpn_domain::ids::{SessionId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{App, auth::Caller, consistency::Settled, error::ApiError, routes::views::UserSummary};

/// The request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    username: String,
    password: String,
}

/// A session with its next tokens.
pub(super) struct Tokens {
    pub(super) access_token: String,
    pub(super) refresh_token: Secret,
    pub(super) user: UserSummary,
    pub(super) password_change_required: bool,
}

impl Tokens {
    /// Signs in.
    pub(super) async fn login(
        app: &App,
        caller: &Caller,
        login: Login,
    ) -> Result<(Self, Settled), ApiError> {
        let password = Secret::new(login.password);
        let done = app.commands.login(&caller.request, &login.username, password).await?;
        let session = done.value;
        let access_token = access_token(app, session.user_id, session.session_id).await?;
        let settled = app.settle(done.position).await;
        let tokens = Self {
            access_token,
            refresh_token: session.refresh_token,
            user: UserSummary::signed_in(app, session.user_id).await?,
            password_change_required: session.must_change_password,
        };
        Ok((tokens, settled))
    }

    /// Goes on with a session whose refresh token was exchanged.
    pub(super) async fn of(app: &App, session: RefreshedSession) -> Result<Self, ApiError> {
        let access_token = access_token(app, session.user_id, session.session_id).await?;
        let account = app.commands.authenticate(session.session_id).await?;
        Ok(Self {
            access_token,
            refresh_token: session.refresh_token,
            user: UserSummary::signed_in(app, session.user_id).await?,
            password_change_required: account.is_some_and(|a| a.must_change_password),
        })
    }
}

async fn access_token(app: &App, user: UserId, session: SessionId) -> Result<String, ApiError> {
    Ok(app.tokens.issue(user, session, app.commands.now()).await?)
}
