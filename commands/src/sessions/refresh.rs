//! Refresh tokens: each is exchanged for the next one, once.

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_domain::{
    DomainError,
    ids::{SessionId, UserId},
    session::{Session, SessionCommand},
    values::Role,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{CommandError, Commands, Request, Secret};

/// How long a browser may come again with a token that it has used, as long as nobody has used the
/// one that it was given for it.
///
/// A page that is loaded anew while its refresh is under way never sees the answer, and the cookie
/// that the browser still has was used. Half a minute is ample for that, and far less than the
/// lifetime of an access token: whoever is to exchange a stolen token in this time has to be there
/// as it is used, and loses the session with the next refresh of its owner.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// A session that goes on.
#[derive(Debug, Clone)]
pub struct RefreshedSession {
    /// Who.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// What the user may do.
    pub role: Role,
    /// The next refresh token; shown once.
    pub refresh_token: Secret,
}

/// Who exchanges a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// A program, which keeps the answer before it goes on.
    Client,
    /// A browser, which may lose an answer with its page.
    Browser,
}

impl Commands {
    /// Exchanges a refresh token for the next one. A token that was exchanged before ends its
    /// session: one of the two who used it is not the user.
    ///
    /// # Errors
    /// `invalid_token`.
    pub async fn refresh(
        &self,
        request: &Request,
        token: &Secret,
    ) -> Result<RefreshedSession, CommandError> {
        self.exchange(request, token, Holder::Client).await
    }

    /// The same for a browser, which may have lost the answer: for half a minute its token gives
    /// another one, as long as the one before was not used. That one counts as used from then on,
    /// so that whoever comes with it ends the session.
    ///
    /// # Errors
    /// `invalid_token`.
    pub async fn refresh_browser(
        &self,
        request: &Request,
        token: &Secret,
    ) -> Result<RefreshedSession, CommandError> {
        self.exchange(request, token, Holder::Browser).await
    }

    async fn exchange(
        &self,
        request: &Request,
        token: &Secret,
        holder: Holder,
    ) -> Result<RefreshedSession, CommandError> {
        let now = self.now();
        let next = self.new_token();
        let mut tx = self.pool.begin().await?;
        // The session before its token, in the order in which the end of a session locks them.
        sqlx::query(
            "SELECT FROM session s WHERE s.session_id =
                 (SELECT t.session_id FROM refresh_token t WHERE t.hash = $1) FOR UPDATE",
        )
        .bind(&token.hash()[..])
        .execute(&mut *tx)
        .await?;
        let mut session = use_up(&mut tx, token, &next, holder, now).await?;
        if session.is_none() && holder == Holder::Browser {
            session = replace_successor(&mut tx, token, &next, now).await?;
        }
        let Some(session) = session else {
            tx.rollback().await?;
            return Err(self.refuse_refresh(request, token).await?);
        };
        let account: Option<(Uuid, String)> = sqlx::query_as(
            "SELECT a.user_id, a.role FROM session s JOIN account a USING (user_id)
             WHERE s.session_id = $1 AND a.enabled",
        )
        .bind(session)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((user, role)) = account else {
            tx.rollback().await?;
            return Err(invalid_token());
        };
        let expires_at = now + self.settings.session_lifetime;
        sqlx::query(
            "INSERT INTO refresh_token (hash, session_id, issued_at, expires_at)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(&next.hash()[..])
        .bind(session)
        .bind(now)
        .bind(expires_at)
        .execute(&mut *tx)
        .await?;
        sqlx::query("UPDATE session SET expires_at = $2, last_used_at = $3 WHERE session_id = $1")
            .bind(session)
            .bind(expires_at)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(RefreshedSession {
            user_id: UserId(user),
            session_id: SessionId(session),
            role: Role::parse(&role).map_err(|e| DomainError::field("role", e))?,
            refresh_token: next,
        })
    }

    /// Why a refresh token does not work; ends the session of one that was used before.
    async fn refuse_refresh(
        &self,
        request: &Request,
        token: &Secret,
    ) -> Result<CommandError, CommandError> {
        if let Some((session, true)) = self.token_session(token).await? {
            let user = self.store.load::<Session>(session.0).await?.state.user_id();
            let mut request = request.clone();
            if let Some(user) = user {
                request.actor = nexavpn_store::Actor::User(user);
            }
            self.end_session(&request, session, || SessionCommand::ReportReuse).await?;
        }
        Ok(invalid_token())
    }

    /// The session of a refresh token, and whether the token was used.
    pub(super) async fn token_session(
        &self,
        token: &Secret,
    ) -> Result<Option<(SessionId, bool)>, CommandError> {
        let row: Option<(Uuid, bool)> = sqlx::query_as(
            "SELECT session_id, used_at IS NOT NULL FROM refresh_token WHERE hash = $1",
        )
        .bind(&token.hash()[..])
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(id, used)| (SessionId(id), used)))
    }
}

/// Marks a token as used; its session, where it still worked. What a browser gets for it is noted,
/// since only a browser may come again.
async fn use_up(
    conn: &mut PgConnection,
    token: &Secret,
    next: &Secret,
    holder: Holder,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, sqlx::Error> {
    let successor = (holder == Holder::Browser).then(|| next.hash());
    sqlx::query_scalar(
        "UPDATE refresh_token SET used_at = $2, successor = $3
         WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING session_id",
    )
    .bind(&token.hash()[..])
    .bind(now)
    .bind(successor.as_ref().map(|hash| &hash[..]))
    .fetch_optional(conn)
    .await
}

/// Gives a token that a browser has just used another successor, where the one before was not used;
/// its session, where that is so. The one before has no successor of its own, so that its use is
/// never within the leeway.
async fn replace_successor(
    conn: &mut PgConnection,
    token: &Secret,
    next: &Secret,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "WITH orphan AS (
             UPDATE refresh_token s SET used_at = $2 FROM refresh_token t
             WHERE t.hash = $1 AND t.used_at > $3 AND t.expires_at > $2
               AND s.hash = t.successor AND s.used_at IS NULL
             RETURNING s.hash
         )
         UPDATE refresh_token t SET successor = $4 FROM orphan
         WHERE t.hash = $1 AND t.successor = orphan.hash RETURNING t.session_id",
    )
    .bind(&token.hash()[..])
    .bind(now)
    .bind(now - LEEWAY)
    .bind(&next.hash()[..])
    .fetch_optional(conn)
    .await
}

const fn invalid_token() -> CommandError {
    CommandError::Unauthenticated {
        code: "invalid_token",
        message: "the refresh token is unknown, used or expired: sign in again",
    }
}
