//! Sessions of dialects, which have a password of their own and act as one user.

use chrono::TimeDelta;
use nexavpn_domain::{
    DomainError,
    event::{Claim, ClaimKind},
    ids::{GatewayId, SessionId, UserId},
    security::FailureKind,
    session::{EndReason, Session, SessionCommand},
};

use super::{INVALID_CREDENTIALS, invalid_credentials};
use crate::{
    CommandError, Commands, Done, Request, Secret,
    rows::{OpenSession, Proof},
    transact::{Plan, fresh},
};

/// How a dialect lets its clients in.
#[derive(Debug, Clone, Copy)]
pub struct DialectLogin<'a> {
    /// What it is called: the authentication method in the audit log.
    pub dialect: &'static str,
    /// As whom its clients act.
    pub user: UserId,
    /// The PHC string of its password.
    pub password_hash: &'a str,
    /// How long a session lasts.
    pub lifetime: TimeDelta,
}

impl Commands {
    /// Signs a client of a dialect in.
    ///
    /// # Errors
    /// `invalid_credentials` for a wrong password and for a user who is disabled or gone;
    /// [`CommandError::Throttled`] after too many failures.
    pub async fn login_by_dialect(
        &self,
        request: &Request,
        login: DialectLogin<'_>,
        password: Secret,
    ) -> Result<Done<SessionId>, CommandError> {
        let now = self.now();
        let DialectLogin { dialect, user, password_hash, lifetime } = login;
        // Apart from the user's own sign-ins: whoever guesses here does not lock the user out.
        let key = self.store.keyring().lookup_hmac("throttle_dialect", dialect);
        let failed = |user, code| {
            self.record_failure_later(
                request,
                FailureKind::Login,
                user,
                code,
                Some(dialect.into()),
            );
        };
        let attempt = match self.throttle.attempt(key, request.client_address, now) {
            Ok(attempt) => attempt,
            Err(retry_after) => {
                failed(None, "too_many_attempts");
                return Err(CommandError::Throttled { retry_after });
            }
        };
        let fits = self.hasher.verify(password, Some(password_hash.to_owned())).await;
        if fits.is_err() {
            self.throttle.withdraw(&attempt);
        }
        if !fits? {
            failed(Some(user), INVALID_CREDENTIALS);
            return Err(invalid_credentials());
        }
        self.throttle.succeeded(&attempt, now);
        let session_id = SessionId(self.new_id());
        let mut request = request.clone();
        request.actor = nexavpn_store::Actor::User(user);
        request.auth_method = Some(dialect.into());
        let opened = self.transact(&request, "session", || async {
            let mut plan = Plan::new(session_id);
            let command = SessionCommand::Start { user_id: user, method: dialect.into() };
            plan.decide::<Session>(session_id.0, &fresh(), command)?;
            plan.row(OpenSession {
                session_id,
                user_id: user,
                proof: Proof::Other,
                refresh_hash: None,
                now,
                expires_at: now + lifetime,
            });
            Ok(plan)
        });
        match opened.await {
            Err(CommandError::Domain(DomainError::Forbidden(_))) => {
                failed(Some(user), INVALID_CREDENTIALS);
                Err(invalid_credentials())
            }
            other => other,
        }
    }

    /// Ends a session at its own wish.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn logout_of(
        &self,
        request: &Request,
        session: SessionId,
    ) -> Result<Done<()>, CommandError> {
        self.end_session(request, session, || SessionCommand::End(EndReason::Logout)).await
    }

    /// The user of this login name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn user_named(&self, username: &str) -> Result<Option<UserId>, CommandError> {
        let claim = Claim::folded(ClaimKind::Username, Some(username.trim()));
        Ok(self.claim_holder(&claim).await?.map(UserId))
    }

    /// The gateway of this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn gateway_named(&self, name: &str) -> Result<Option<GatewayId>, CommandError> {
        let claim = Claim::folded(ClaimKind::GatewayName, Some(name.trim()));
        Ok(self.claim_holder(&claim).await?.map(GatewayId))
    }
}
