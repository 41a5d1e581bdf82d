//! Sessions that may act.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::{
    DomainError,
    ids::{DeviceId, SessionId, UserId},
};
use nexavpn_store::{SideRow, SideRowError};
use sqlx::PgConnection;

use super::one;

/// What somebody has proved who begins a session.
pub enum Proof {
    /// To know the password of the account that has this hash, if it has one.
    Password(Option<String>),
    /// To know a password that is not the account's.
    Other,
}

/// Makes a session, with its first refresh token where it can go on.
pub struct OpenSession {
    /// Which.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// What lets it begin.
    pub proof: Proof,
    /// The refresh token's hash; none where the session ends at its time in any case.
    pub refresh_hash: Option<[u8; 32]>,
    /// When it began.
    pub now: DateTime<Utc>,
    /// When it is over without another login.
    pub expires_at: DateTime<Utc>,
}

#[async_trait]
impl SideRow for OpenSession {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        // The account is locked, so that a login cannot slip past a disabling or another password
        // that is set beside it.
        let account: Option<(bool, Option<String>)> = sqlx::query_as(
            "SELECT enabled, password_hash FROM account WHERE user_id = $1 FOR UPDATE",
        )
        .bind(self.user_id.0)
        .fetch_optional(&mut *conn)
        .await?;
        let proved = |hash| match &self.proof {
            Proof::Password(known) => hash == *known,
            Proof::Other => true,
        };
        let may = account.is_some_and(|(enabled, hash)| enabled && proved(hash));
        if !may {
            let why = "the account cannot sign in".to_owned();
            return Err(SideRowError::Refused(DomainError::Forbidden(why)));
        }
        let done = sqlx::query(
            "INSERT INTO session (session_id, user_id, started_at, last_used_at, expires_at)
             VALUES ($1, $2, $3, $3, $4)",
        )
        .bind(self.session_id.0)
        .bind(self.user_id.0)
        .bind(self.now)
        .bind(self.expires_at)
        .execute(&mut *conn)
        .await?;
        one(&done, "session")?;
        let Some(refresh_hash) = &self.refresh_hash else { return Ok(()) };
        let done = sqlx::query(
            "INSERT INTO refresh_token (hash, session_id, issued_at, expires_at)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(&refresh_hash[..])
        .bind(self.session_id.0)
        .bind(self.now)
        .bind(self.expires_at)
        .execute(conn)
        .await?;
        one(&done, "session")
    }
}

/// Ties a session to its user's device.
pub struct BindSession {
    /// Which session.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// Which device.
    pub device_id: DeviceId,
}

#[async_trait]
impl SideRow for BindSession {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        // The device may have got nothing that would show that it was given away in the meantime. Who
        // gives it away waits for this lock, and then sees the session.
        let own =
            sqlx::query("SELECT FROM device_index WHERE device_id = $1 AND user_id = $2 FOR SHARE")
                .bind(self.device_id.0)
                .bind(self.user_id.0)
                .execute(&mut *conn)
                .await?;
        if own.rows_affected() != 1 {
            return Err(SideRowError::Stale);
        }
        let done = sqlx::query("UPDATE session SET device_id = $2 WHERE session_id = $1")
            .bind(self.session_id.0)
            .bind(self.device_id.0)
            .execute(conn)
            .await?;
        one(&done, "session")
    }
}

/// Ends a session: none of its tokens works from the commit on.
pub struct CloseSession(pub SessionId);

#[async_trait]
impl SideRow for CloseSession {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        // It may have run out and been swept already.
        sqlx::query("DELETE FROM session WHERE session_id = $1")
            .bind(self.0.0)
            .execute(conn)
            .await?;
        Ok(())
    }
}
