//! Commands about users.

use nexavpn_domain::{
    DomainError, Personal, Problems,
    device::Device,
    ids::{SessionId, UserId},
    session::{EndReason, Session, SessionCommand},
    user::{User, UserCommand},
    values::{self, Role},
};

use crate::{
    CommandError, Commands, Done, PasswordPolicy, Request, Secret,
    devices::plan_revocation,
    rows::{CloseSession, NothingBegan, PutAccount, RemoveAccount, SetPassword, UpdateAccount},
    transact::{Plan, fresh},
};

/// A user to create.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Login name.
    pub username: String,
    /// Name as shown; the login name where it is left out.
    pub display_name: Option<String>,
    /// Where mail goes.
    pub email: Option<String>,
    /// `admin`, `auditor` or `user`; `user` where it is left out.
    pub role: Option<String>,
    /// The first password; without one the user cannot sign in with a password yet.
    pub password: Option<Secret>,
    /// Whether that password must be changed at the first login.
    pub must_change_password: bool,
}

/// What to change of a user.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// Another login name.
    pub username: Option<String>,
    /// Another name as shown.
    pub display_name: Option<String>,
    /// Another email address, or none.
    pub email: Option<Option<String>>,
    /// Another role.
    pub role: Option<String>,
}

/// A user to create whose values follow the rules.
#[derive(Clone)]
pub(crate) struct CheckedUser {
    pub(crate) username: String,
    pub(crate) display_name: String,
    pub(crate) email: Option<String>,
    pub(crate) role: Role,
    pub(crate) password: Option<Secret>,
    /// Only with a password.
    pub(crate) must_change_password: bool,
}

/// Adds the creation of a user to a plan.
pub(crate) fn plan_user<T>(
    plan: &mut Plan<T>,
    id: UserId,
    user: &CheckedUser,
    password_hash: Option<String>,
) -> Result<(), CommandError> {
    let CheckedUser { username, display_name, email, role, must_change_password, .. } = user;
    let command = UserCommand::Create {
        username: username.clone(),
        display_name: display_name.clone(),
        email: email.clone(),
        role: *role,
        must_change_password: *must_change_password,
    };
    plan.decide::<User>(id.0, &fresh(), command)?;
    plan.row(PutAccount {
        user_id: id,
        role: *role,
        must_change_password: *must_change_password,
        password_hash,
    });
    Ok(())
}

impl Commands {
    /// Creates a user.
    ///
    /// # Errors
    /// `validation_error`, or `username_taken`.
    pub async fn create_user(
        &self,
        request: &Request,
        new: NewUser,
    ) -> Result<Done<UserId>, CommandError> {
        let mut problems = Problems::default();
        let checked = self.check_user(new, &mut problems).await?;
        problems.finish()?;
        let Some(mut user) = checked else {
            return Err(DomainError::field("username", "is required").into());
        };
        let password_hash = match user.password.take() {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        let id = UserId(self.new_id());
        self.transact(request, "user", || async {
            let mut plan = Plan::new(id);
            plan_user(&mut plan, id, &user, password_hash.clone())?;
            Ok(plan)
        })
        .await
    }

    /// Checks every value of a new user; `None` where there is a problem.
    pub(crate) async fn check_user(
        &self,
        new: NewUser,
        problems: &mut Problems,
    ) -> Result<Option<CheckedUser>, CommandError> {
        let username = problems.check("username", values::username(&new.username));
        let shown = new.display_name.as_deref().unwrap_or(&new.username);
        let display_name = problems.check("display_name", values::display_name(shown));
        let email = new.email.as_deref().filter(|e| !e.trim().is_empty());
        // A wrong one is a problem, none is none.
        let email =
            email.map_or(Some(None), |e| problems.check("email", values::email(e)).map(Some));
        let role = problems.check("role", new.role.as_deref().map_or(Ok(Role::User), Role::parse));
        let mut password = Some(());
        if let Some(chosen) = &new.password {
            let about = [new.display_name.clone(), new.email.clone()];
            let checked = self.check_password(chosen, Some(&new.username), about).await?;
            password = problems.check("password", checked);
        }
        let (Some(username), Some(display_name), Some(email), Some(role), Some(())) =
            (username, display_name, email, role, password)
        else {
            return Ok(None);
        };
        Ok(Some(CheckedUser {
            username,
            display_name,
            email,
            role,
            must_change_password: new.must_change_password && new.password.is_some(),
            password: new.password,
        }))
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// `validation_error`, `not_found`, `username_taken` or `last_admin`.
    pub async fn change_user(
        &self,
        request: &Request,
        id: UserId,
        patch: UserPatch,
    ) -> Result<Done<()>, CommandError> {
        let mut problems = Problems::default();
        let username =
            patch.username.and_then(|u| problems.check("username", values::username(&u)));
        let display_name = patch
            .display_name
            .and_then(|d| problems.check("display_name", values::display_name(&d)));
        let email = patch.email.map(|e| {
            let e = e.filter(|e| !e.trim().is_empty());
            e.and_then(|e| problems.check("email", values::email(&e)))
        });
        let role = patch.role.and_then(|r| problems.check("role", Role::parse(&r)));
        problems.finish()?;
        self.transact(request, "user", || async {
            let user = self.load_for::<User>(request, "user", id.0).await?;
            let mut plan = Plan::new(());
            let command = UserCommand::Change {
                username: username.clone(),
                display_name: display_name.clone(),
                email: email.clone(),
                role,
            };
            plan.decide(id.0, &user, command)?;
            if role.is_some_and(|r| r != user.state.role()) {
                plan.row(UpdateAccount { user_id: id, role, enabled: None });
            }
            Ok(plan)
        })
        .await
    }

    /// Keeps a user from signing in, ends the sessions and cuts the devices off.
    ///
    /// # Errors
    /// `not_found` or `last_admin`.
    pub async fn disable_user(
        &self,
        request: &Request,
        id: UserId,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "user", || async {
            let user = self.load_for::<User>(request, "user", id.0).await?;
            let mut plan = Plan::new(());
            if plan.decide(id.0, &user, UserCommand::Disable)? {
                plan.because_of_its("user.disabled");
                plan.row(UpdateAccount { user_id: id, role: None, enabled: Some(false) });
                self.end_sessions(&mut plan, id, None, EndReason::UserDisabled).await?;
            }
            Ok(plan)
        })
        .await
    }

    /// Lets a user in again.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn enable_user(
        &self,
        request: &Request,
        id: UserId,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "user", || async {
            let user = self.load_for::<User>(request, "user", id.0).await?;
            let mut plan = Plan::new(());
            if plan.decide(id.0, &user, UserCommand::Enable)? {
                plan.row(UpdateAccount { user_id: id, role: None, enabled: Some(true) });
            }
            Ok(plan)
        })
        .await
    }

    /// Sets another user's password; it has to be changed at the next login unless said otherwise.
    /// All sessions of the user end.
    ///
    /// # Errors
    /// `validation_error` or `not_found`.
    pub async fn reset_password(
        &self,
        request: &Request,
        id: UserId,
        password: Secret,
        must_change_password: bool,
    ) -> Result<Done<()>, CommandError> {
        self.set_password(request, id, password, must_change_password, None).await
    }

    /// Sets one's own password. All other sessions end.
    ///
    /// # Errors
    /// `validation_error` where the present password is wrong or the new one breaks the rules.
    pub async fn change_own_password(
        &self,
        request: &Request,
        id: UserId,
        session: SessionId,
        current: Secret,
        password: Secret,
    ) -> Result<Done<()>, CommandError> {
        if current == password {
            return Err(DomainError::field("password", "must differ from the present one").into());
        }
        let key = format!("password of {id}");
        // Wherever from: nobody else gets here who could keep the user from it.
        let attempt = self.throttle.attempt(key, None, self.now());
        let attempt = attempt.map_err(|retry_after| CommandError::Throttled { retry_after })?;
        let fits = self.is_password_of(id, current).await;
        if fits.is_err() {
            // Nobody knows whether it was wrong.
            self.throttle.withdraw(&attempt);
        }
        if !fits? {
            return Err(DomainError::field("current_password", "is wrong").into());
        }
        self.throttle.succeeded(&attempt, self.now());
        self.set_password(request, id, password, false, Some(session)).await
    }

    async fn is_password_of(&self, id: UserId, password: Secret) -> Result<bool, CommandError> {
        let stored: Option<Option<String>> =
            sqlx::query_scalar("SELECT password_hash FROM account WHERE user_id = $1")
                .bind(id.0)
                .fetch_optional(&self.pool)
                .await?;
        self.hasher.verify(password, stored.flatten()).await
    }

    async fn set_password(
        &self,
        request: &Request,
        id: UserId,
        password: Secret,
        must_change_password: bool,
        keep: Option<SessionId>,
    ) -> Result<Done<()>, CommandError> {
        let user = self.store.load::<User>(id.0).await?.state;
        let owned = |text: &Personal| text.get().map(ToOwned::to_owned);
        let about = [owned(user.display_name()), user.email().and_then(owned)];
        let checked = self.check_password(&password, user.username().get(), about).await?;
        if let Err(why) = checked {
            return Err(DomainError::field("password", why).into());
        }
        let password_hash = self.hash_password(password).await?;
        self.transact(request, "user", || async {
            let user = self.load_for::<User>(request, "user", id.0).await?;
            let mut plan = Plan::new(());
            plan.decide(id.0, &user, UserCommand::SetPassword { must_change_password })?;
            plan.because_of_its("user.password_changed");
            let password_hash = password_hash.clone();
            plan.row(SetPassword { user_id: id, password_hash, must_change_password });
            self.end_sessions(&mut plan, id, keep, EndReason::PasswordChanged).await?;
            Ok(plan)
        })
        .await
    }

    /// Deletes a user: devices are revoked, sessions ended.
    ///
    /// # Errors
    /// `not_found` or `last_admin`.
    pub async fn delete_user(
        &self,
        request: &Request,
        id: UserId,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "user", || async {
            let user = self.load_for::<User>(request, "user", id.0).await?;
            let mut plan = Plan::new(());
            plan.decide(id.0, &user, UserCommand::Delete)?;
            plan.because_of_its("user.deleted");
            self.remove_belongings(&mut plan, id).await?;
            Ok(plan)
        })
        .await
    }

    /// Erases a user: deletes first where that was not done, and destroys the data key, so that
    /// nobody can read the personal data in the history any more.
    ///
    /// # Errors
    /// `not_found` or `last_admin`.
    pub async fn erase_user(
        &self,
        request: &Request,
        id: UserId,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "user", || async {
            let user = self.load_for::<User>(request, "user", id.0).await?;
            let mut plan = Plan::new(());
            if plan.decide(id.0, &user, UserCommand::Erase)? {
                plan.because_of_its("user.erased");
                plan.forget(id);
                let forget_answers = self.store.keyring().forget_answers();
                plan.row(forget_answers.map_err(|e| CommandError::Store(e.into()))?);
                self.remove_belongings(&mut plan, id).await?;
            }
            Ok(plan)
        })
        .await
    }

    /// Revokes a user's devices, ends the sessions and takes the account away.
    async fn remove_belongings(&self, plan: &mut Plan<()>, id: UserId) -> Result<(), CommandError> {
        for device in self.device_ids("user_id", id.0).await? {
            let loaded = self.store.load::<Device>(device.0).await?;
            plan_revocation(plan, device, &loaded, Some("the user was deleted".into()))?;
        }
        self.end_sessions(plan, id, None, EndReason::UserDeleted).await?;
        plan.row(NothingBegan { user_id: id, keep: None, devices: false });
        plan.row(RemoveAccount(id));
        Ok(())
    }

    /// Adds the end of a user's sessions to a plan, all but the one to keep.
    pub(crate) async fn end_sessions<T>(
        &self,
        plan: &mut Plan<T>,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<(), CommandError> {
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar(
            "SELECT session_id FROM session WHERE user_id = $1 ORDER BY session_id",
        )
        .bind(user.0)
        .fetch_all(&self.pool)
        .await?;
        for id in ids.into_iter().map(SessionId).filter(|id| Some(*id) != keep) {
            let session = self.store.load::<Session>(id.0).await?;
            if plan.decide(id.0, &session, SessionCommand::End(reason))? {
                plan.about(Some(user));
            }
            plan.row(CloseSession(id));
        }
        plan.row(NothingBegan { user_id: user, keep, devices: true });
        Ok(())
    }

    /// Holds a new password against the rules, off the async threads.
    pub(crate) async fn check_password(
        &self,
        password: &Secret,
        username: Option<&str>,
        about: [Option<String>; 2],
    ) -> Result<Result<(), String>, CommandError> {
        let (password, username) = (password.clone(), username.map(ToOwned::to_owned));
        let check = move || {
            let about: Vec<&str> = about.iter().flatten().map(String::as_str).collect();
            PasswordPolicy::check(&password, username.as_deref(), &about)
        };
        tokio::task::spawn_blocking(check).await.map_err(|_| CommandError::Hashing)
    }

    pub(crate) async fn hash_password(&self, password: Secret) -> Result<String, CommandError> {
        let mut salt = [0; 16];
        self.random.fill(&mut salt);
        self.hasher.hash(password, salt).await
    }
}
