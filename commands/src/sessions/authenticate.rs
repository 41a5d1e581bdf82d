//! Who acts, asked for each request.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_domain::{
    DomainError,
    ids::{DeviceId, SessionId, UserId},
    values::Role,
};
use nexavpn_store::{Direct, Together};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{CommandError, Commands};

/// How exactly the last use of a session is known: each request would be a write otherwise.
const USED_TO_THE: TimeDelta = TimeDelta::minutes(1);

/// Who a session that may act belongs to, as of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// Who.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// What the user may do.
    pub role: Role,
    /// Whether a new password is due before anything else.
    pub must_change_password: bool,
    /// The device whose client this session is.
    pub device_id: Option<DeviceId>,
}

/// Sessions that have not ended, of users who are enabled.
pub(crate) type LiveSessions = Together<SessionId, LiveSession, sqlx::Error>;

/// A row of them.
#[derive(Clone, FromRow)]
pub(crate) struct LiveSession {
    session_id: Uuid,
    user_id: Uuid,
    role: String,
    must_change_password: bool,
    device_id: Option<Uuid>,
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    log_end: i64,
}

/// Asked for each time, so that an end takes effect with the next request in every process.
pub(crate) fn live_sessions(db: Direct) -> LiveSessions {
    Together::new(move |sessions: Vec<SessionId>| {
        let db = db.clone();
        async move {
            let rows: Vec<LiveSession> = sqlx::query_as(
                "SELECT s.session_id, a.user_id, a.role, a.must_change_password, s.device_id,
                        s.last_used_at, s.expires_at,
                        (SELECT h.idx FROM log_head h) AS log_end
                 FROM session s JOIN account a USING (user_id)
                 WHERE s.session_id = ANY($1) AND a.enabled",
            )
            .bind(sessions.iter().map(|s| s.0).collect::<Vec<_>>())
            .fetch_all(&db)
            .await?;
            let rows = rows.into_iter().map(|row| (SessionId(row.session_id), row));
            Ok(rows.collect::<HashMap<_, _>>())
        }
    })
}

impl Commands {
    /// Whom an access token's session belongs to; none once it has ended or the user is disabled.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn authenticate(
        &self,
        session: SessionId,
    ) -> Result<Option<Authenticated>, CommandError> {
        Ok(self.authenticate_at(session).await?.map(|(user, _)| user))
    }

    /// The same, and the number of the last event of the log then: whatever was acknowledged before,
    /// by any process, is among those.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn authenticate_at(
        &self,
        session: SessionId,
    ) -> Result<Option<(Authenticated, i64)>, CommandError> {
        let now = self.now();
        let live = self.live_sessions.get(session).await?;
        let Some(live) = live.filter(|live| live.expires_at > now) else { return Ok(None) };
        if live.last_used_at + USED_TO_THE <= now {
            self.note_use(session, now).await;
        }
        let user = Authenticated {
            user_id: UserId(live.user_id),
            session_id: session,
            role: Role::parse(&live.role).map_err(|e| DomainError::field("role", e))?,
            must_change_password: live.must_change_password,
            device_id: live.device_id.map(DeviceId),
        };
        Ok(Some((user, live.log_end)))
    }

    /// Notes that a session is in use. That is worth no failure, and no wait for a disk.
    async fn note_use(&self, session: SessionId, now: DateTime<Utc>) {
        let noted = sqlx::query(
            "WITH fast AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
             UPDATE session SET last_used_at = $2 FROM fast
             WHERE session_id = $1 AND last_used_at < $2",
        )
        .bind(session.0)
        .bind(now)
        .execute(&self.pool)
        .await;
        if let Err(error) = noted {
            tracing::debug!(%error, "the use of a session was not noted");
        }
    }
}
