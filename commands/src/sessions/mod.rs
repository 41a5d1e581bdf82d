//! Signing in and out.

mod authenticate;
mod dialect;
mod list;
mod refresh;

use nexavpn_domain::{
    DomainError,
    event::{Claim, ClaimKind},
    ids::{SessionId, UserId},
    security::FailureKind,
    session::{Session, SessionCommand},
    values::Role,
};
use uuid::Uuid;

use crate::{
    CommandError, Commands, Done, Request, Secret,
    rows::{CloseSession, OpenSession, Proof},
    transact::{Plan, fresh},
};

pub use authenticate::Authenticated;
pub(crate) use authenticate::{LiveSessions, live_sessions};
pub use dialect::DialectLogin;
pub use list::ListedSession;
pub use refresh::RefreshedSession;

/// A fresh login.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// Who.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// What the user may do.
    pub role: Role,
    /// Whether a new password is due.
    pub must_change_password: bool,
    /// For the next access token; shown once.
    pub refresh_token: Secret,
}

const INVALID_CREDENTIALS: &str = "invalid_credentials";
type AccountRow = (Uuid, String, bool, bool, Option<String>);

impl Commands {
    /// Signs a user in with a password.
    ///
    /// # Errors
    /// `invalid_credentials`, the same for an unknown user, a wrong password and a disabled
    /// account; [`CommandError::Throttled`] after too many failures from the same network.
    pub async fn login(
        &self,
        request: &Request,
        username: &str,
        password: Secret,
    ) -> Result<Done<LoggedIn>, CommandError> {
        let now = self.now();
        let claim = Claim::folded(ClaimKind::Username, Some(username.trim()));
        // Keyed by HMAC: what somebody typed as a name may be a password.
        let name = claim.key.as_deref().unwrap_or_default();
        let key = self.store.keyring().lookup_hmac("throttle", name);
        let attempt = self.throttle.attempt(key, request.client_address, now);
        let attempt = match attempt {
            Ok(attempt) => attempt,
            Err(retry_after) => {
                self.record_failure_later(
                    request,
                    FailureKind::Login,
                    None,
                    "too_many_attempts",
                    None,
                );
                return Err(CommandError::Throttled { retry_after });
            }
        };
        let looked_up = async {
            let account = self.account(&claim).await?;
            let hash = account.as_ref().and_then(|a| a.4.clone());
            let fits = self.hasher.verify(password, hash.clone()).await?;
            Ok::<_, CommandError>((account, hash, fits))
        };
        let looked_up = looked_up.await;
        if looked_up.is_err() {
            // A database that is away for a moment locks nobody out for a quarter of an hour.
            self.throttle.withdraw(&attempt);
        }
        let (account, hash, fits) = looked_up?;
        let (user_id, role, must_change_password) = match account {
            Some((id, role, true, must_change, _)) if fits => {
                let role = Role::parse(&role).map_err(|e| DomainError::field("role", e))?;
                (UserId(id), role, must_change)
            }
            account => {
                let user = account.map(|a| UserId(a.0));
                // Beside the answer, which takes as long for a name that does not exist.
                self.record_failure_later(
                    request,
                    FailureKind::Login,
                    user,
                    INVALID_CREDENTIALS,
                    None,
                );
                return Err(invalid_credentials());
            }
        };
        self.throttle.succeeded(&attempt, now);
        let session_id = SessionId(self.new_id());
        let refresh_token = self.new_token();
        let mut request = request.clone();
        request.actor = nexavpn_store::Actor::User(user_id);
        request.auth_method = Some("password".into());
        let opened = self.transact(&request, "session", || async {
            let mut plan = Plan::new(LoggedIn {
                user_id,
                session_id,
                role,
                must_change_password,
                refresh_token: refresh_token.clone(),
            });
            let command = SessionCommand::Start { user_id, method: "password".into() };
            plan.decide::<Session>(session_id.0, &fresh(), command)?;
            plan.row(OpenSession {
                session_id,
                user_id,
                proof: Proof::Password(hash.clone()),
                refresh_hash: Some(refresh_token.hash()),
                now,
                expires_at: now + self.settings.session_lifetime,
            });
            Ok(plan)
        });
        match opened.await {
            // Disabled, deleted or given another password in this very moment.
            Err(CommandError::Domain(DomainError::Forbidden(_))) => Err(invalid_credentials()),
            other => other,
        }
    }

    /// Ends the session that a refresh token belongs to. An unknown token changes nothing, so
    /// that signing out always succeeds.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn logout(
        &self,
        request: &Request,
        token: &Secret,
    ) -> Result<Done<()>, CommandError> {
        let Some((session, _)) = self.token_session(token).await? else {
            return Ok(Done { value: (), position: None });
        };
        let command = || SessionCommand::End(nexavpn_domain::session::EndReason::Logout);
        self.end_session(request, session, command).await
    }

    async fn end_session(
        &self,
        request: &Request,
        id: SessionId,
        command: impl Fn() -> SessionCommand + Send + Sync,
    ) -> Result<Done<()>, CommandError> {
        let command = &command;
        self.transact(request, "session", || async move {
            let session = self.store.load::<Session>(id.0).await?;
            let mut plan = Plan::new(());
            if plan.decide(id.0, &session, command())? {
                plan.about(session.state.user_id());
            }
            plan.row(CloseSession(id));
            Ok(plan)
        })
        .await
    }

    async fn account(&self, claim: &Claim) -> Result<Option<AccountRow>, CommandError> {
        let Some(id) = self.claim_holder(claim).await? else { return Ok(None) };
        Ok(sqlx::query_as(
            "SELECT user_id, role, enabled, must_change_password, password_hash
             FROM account WHERE user_id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?)
    }
}

const fn invalid_credentials() -> CommandError {
    CommandError::Unauthenticated {
        code: INVALID_CREDENTIALS,
        message: "the username or the password is wrong",
    }
}
