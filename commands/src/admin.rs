//! The way in: the first admin, and back in when nobody can sign in any more.

use nexavpn_domain::{
    DomainError,
    event::{Claim, ClaimKind},
    ids::UserId,
};

use crate::{CommandError, Commands, Done, NewUser, Request, Secret, UserPatch};

/// An admin that was just made or let back in.
#[derive(Debug, Clone)]
pub struct FirstAdmin {
    /// Who.
    pub user_id: UserId,
    /// The login name.
    pub username: String,
    /// The one-time password, where one was generated; shown once.
    pub password: Option<Secret>,
}

impl Commands {
    /// Whether nobody has ever been made an admin, or none is left.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn needs_first_admin(&self) -> Result<bool, CommandError> {
        let any: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM claims WHERE kind = $1)")
            .bind(ClaimKind::Admin.as_str())
            .fetch_one(&self.pool)
            .await?;
        Ok(!any)
    }

    /// Makes an admin whose password must be changed at the first login.
    ///
    /// # Errors
    /// As [`Commands::create_user`].
    pub async fn create_admin(
        &self,
        request: &Request,
        username: &str,
        password: Option<Secret>,
    ) -> Result<Done<FirstAdmin>, CommandError> {
        let generated = password.is_none().then(|| self.new_token());
        let new = NewUser {
            username: username.to_owned(),
            display_name: None,
            email: None,
            role: Some("admin".into()),
            password: password.or_else(|| generated.clone()),
            must_change_password: true,
        };
        let done = self.create_user(request, new).await?;
        let username = username.to_owned();
        Ok(done.map(|user_id| FirstAdmin { user_id, username, password: generated }))
    }

    /// Lets an admin back in: enabled, admin, and with a one-time password. `None` where there is
    /// no such user.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn reset_admin(
        &self,
        request: &Request,
        username: &str,
        password: Option<Secret>,
    ) -> Result<Option<Done<FirstAdmin>>, CommandError> {
        let claim = Claim::folded(ClaimKind::Username, Some(username));
        let Some(id) = self.claim_holder(&claim).await? else { return Ok(None) };
        let user_id = UserId(id);
        // Before anything is changed: a password that will not do lets nobody in.
        if let Some(password) = &password {
            let checked = self.check_password(password, Some(username), [None, None]).await?;
            checked.map_err(|why| DomainError::field("password", why))?;
        }
        self.enable_user(request, user_id).await?;
        let patch = UserPatch { role: Some("admin".into()), ..UserPatch::default() };
        self.change_user(request, user_id, patch).await?;
        let generated = password.is_none().then(|| self.new_token());
        let password = password.or_else(|| generated.clone()).unwrap_or_else(|| self.new_token());
        let done = self.reset_password(request, user_id, password, true).await?;
        let username = username.to_owned();
        Ok(Some(done.map(|()| FirstAdmin { user_id, username, password: generated })))
    }
}
