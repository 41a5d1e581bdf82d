//! What signing in needs of a user, and what belongs to one.

use async_trait::async_trait;
use nexavpn_domain::{
    ids::{SessionId, UserId},
    values::Role,
};
use nexavpn_store::{Demand, JoinedRow, SideRow, SideRowError, same_type};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::{not_there, one};

/// Makes an account.
pub struct PutAccount {
    /// Whose.
    pub user_id: UserId,
    /// What the user may do.
    pub role: Role,
    /// Whether the first password must be changed.
    pub must_change_password: bool,
    /// The PHC string; none while the user cannot sign in with a password.
    pub password_hash: Option<String>,
}

impl JoinedRow for PutAccount {
    fn join<'a>(
        &'a self,
        more: &[&'a dyn SideRow],
        sql: &mut QueryBuilder<'a, Postgres>,
    ) -> Result<Demand, SideRowError> {
        let rows = same_type(self, more)?;
        sql.push(
            ", accounts AS (INSERT INTO account (user_id, role, enabled, must_change_password, \
                                                password_hash) \
             SELECT a.id, a.role, true, a.must, a.hash FROM unnest(",
        )
        .push_bind(rows.iter().map(|a| a.user_id.0).collect::<Vec<_>>())
        .push("::uuid[], ")
        .push_bind(rows.iter().map(|a| a.role.as_str()).collect::<Vec<_>>())
        .push("::text[], ")
        .push_bind(rows.iter().map(|a| a.must_change_password).collect::<Vec<_>>())
        .push("::boolean[], ")
        .push_bind(rows.iter().map(|a| a.password_hash.as_deref()).collect::<Vec<_>>())
        .push("::text[]) AS a (id, role, must, hash) RETURNING 1)");
        Ok(Demand { member: "accounts", rows: rows.len() })
    }

    fn missing() -> SideRowError {
        not_there("user")
    }
}

/// Changes role or state.
pub struct UpdateAccount {
    /// Whose.
    pub user_id: UserId,
    /// Another role.
    pub role: Option<Role>,
    /// Enabled or disabled.
    pub enabled: Option<bool>,
}

#[async_trait]
impl SideRow for UpdateAccount {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        let done = sqlx::query(
            "UPDATE account SET role = coalesce($2, role), enabled = coalesce($3, enabled)
             WHERE user_id = $1",
        )
        .bind(self.user_id.0)
        .bind(self.role.map(Role::as_str))
        .bind(self.enabled)
        .execute(conn)
        .await?;
        one(&done, "user")
    }
}

/// Replaces the password.
pub struct SetPassword {
    /// Whose.
    pub user_id: UserId,
    /// The PHC string.
    pub password_hash: String,
    /// Whether it has to be changed at the next login.
    pub must_change_password: bool,
}

#[async_trait]
impl SideRow for SetPassword {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        let done = sqlx::query(
            "UPDATE account SET password_hash = $2, must_change_password = $3 WHERE user_id = $1",
        )
        .bind(self.user_id.0)
        .bind(&self.password_hash)
        .bind(self.must_change_password)
        .execute(conn)
        .await?;
        one(&done, "user")
    }
}

/// Makes sure that nothing of the user's began after the command was decided: a login or an
/// enrolment that ran beside it would outlive what should have ended it.
pub struct NothingBegan {
    /// Whose.
    pub user_id: UserId,
    /// The session that may go on.
    pub keep: Option<SessionId>,
    /// Whether there may be devices.
    pub devices: bool,
}

#[async_trait]
impl SideRow for NothingBegan {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        // Logins and enrolments lock the account too: those that were first are seen below, the
        // others wait and then see what this append did.
        sqlx::query("SELECT FROM account WHERE user_id = $1 FOR UPDATE")
            .bind(self.user_id.0)
            .execute(&mut *conn)
            .await?;
        let began: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM session
                            WHERE user_id = $1 AND session_id IS DISTINCT FROM $2)
                 OR NOT $3 AND EXISTS (SELECT FROM device_index WHERE user_id = $1)",
        )
        .bind(self.user_id.0)
        .bind(self.keep.map(|s| s.0))
        .bind(self.devices)
        .fetch_one(conn)
        .await?;
        if began { Err(SideRowError::Stale) } else { Ok(()) }
    }
}

/// Removes the account and, with it, its sessions and tokens.
pub struct RemoveAccount(pub UserId);

#[async_trait]
impl SideRow for RemoveAccount {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        // None is left where a deleted user is erased.
        sqlx::query("DELETE FROM account WHERE user_id = $1").bind(self.0.0).execute(conn).await?;
        Ok(())
    }
}
