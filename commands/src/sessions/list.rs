//! The sessions of a user, and ending them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    DomainError,
    ids::{DeviceId, SessionId, UserId},
    session::{EndReason, SessionCommand},
    user::User,
};
use uuid::Uuid;

use crate::{CommandError, Commands, Done, Request, transact::Plan};

/// A session that may act. Debug would show personal data, so there is none.
#[derive(Clone)]
pub struct ListedSession {
    /// Which.
    pub session_id: SessionId,
    /// The device whose client it is.
    pub device_id: Option<DeviceId>,
    /// When the user signed in.
    pub started_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: DateTime<Utc>,
    /// When it is over without another login.
    pub expires_at: DateTime<Utc>,
    /// Where the user signed in from.
    pub client_address: Option<String>,
    /// With what, as that calls itself.
    pub user_agent: Option<String>,
    /// How: `password`.
    pub method: Option<String>,
}

type SessionRow = (Uuid, Option<Uuid>, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>);

impl Commands {
    /// The sessions of a user that may act, the one used last first.
    ///
    /// # Errors
    /// `not_found` for an unknown user.
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<ListedSession>, CommandError> {
        self.known_user(user).await?;
        let rows: Vec<SessionRow> = sqlx::query_as(
            "SELECT session_id, device_id, started_at, last_used_at, expires_at
             FROM session WHERE user_id = $1 AND expires_at > $2
             ORDER BY last_used_at DESC, session_id",
        )
        .bind(user.0)
        .bind(self.now())
        .fetch_all(&self.pool)
        .await?;
        // Address and user agent stay sealed in the events; they are nowhere else.
        let ids: Vec<Uuid> = rows.iter().map(|r| r.0).collect();
        let begun = self.store.log().firsts("session", &ids).await?;
        let mut begun: HashMap<String, _> =
            begun.into_iter().map(|e| (e.aggregate_id.clone(), e)).collect();
        let listed = |(id, device, started_at, last_used_at, expires_at): SessionRow| {
            let event = begun.remove(&id.to_string());
            let fact = |name: &str| event.as_ref()?.metadata.get(name).cloned();
            ListedSession {
                session_id: SessionId(id),
                device_id: device.map(DeviceId),
                started_at,
                last_used_at,
                expires_at,
                client_address: fact("client_address"),
                user_agent: fact("user_agent"),
                method: fact("auth_method"),
            }
        };
        Ok(rows.into_iter().map(listed).collect())
    }

    /// Ends one session of a user: its tokens do not work on the next request.
    ///
    /// # Errors
    /// `not_found` for one that has ended or is somebody else's.
    pub async fn end_session_of(
        &self,
        request: &Request,
        user: UserId,
        session: SessionId,
    ) -> Result<Done<()>, CommandError> {
        let known: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM session WHERE session_id = $1 AND user_id = $2)",
        )
        .bind(session.0)
        .bind(user.0)
        .fetch_one(&self.pool)
        .await?;
        if !known {
            return Err(DomainError::not_found("session").into());
        }
        self.end_session(request, session, || SessionCommand::End(EndReason::Revoked)).await
    }

    /// Ends all sessions of a user.
    ///
    /// # Errors
    /// `not_found` for an unknown user.
    pub async fn end_sessions_of(
        &self,
        request: &Request,
        user: UserId,
    ) -> Result<Done<()>, CommandError> {
        self.known_user(user).await?;
        self.transact(request, "session", || async {
            let mut plan = Plan::new(());
            self.end_sessions(&mut plan, user, None, EndReason::Revoked).await?;
            Ok(plan)
        })
        .await
    }

    async fn known_user(&self, user: UserId) -> Result<(), CommandError> {
        if self.store.load::<User>(user.0).await?.state.exists() {
            return Ok(());
        }
        Err(DomainError::not_found("user").into())
    }
}
