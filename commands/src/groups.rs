//! Commands about groups.

use std::collections::HashSet;

use nexavpn_domain::{
    DomainError, Problems,
    group::{Group, GroupCommand},
    ids::{GroupId, UserId},
    user::User,
    values,
};
use uuid::Uuid;

use crate::{
    CommandError, Commands, Done, Request,
    transact::{Plan, fresh},
};

/// A group to create.
#[derive(Debug, Clone)]
pub struct GroupInput {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its first members.
    pub members: Vec<UserId>,
}

/// What to change of a group.
#[derive(Debug, Clone, Default)]
pub struct GroupPatch {
    /// Another name.
    pub name: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Exactly these members.
    pub members: Option<Vec<UserId>>,
}

/// What is to become of users in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// They belong to it.
    Add,
    /// They do not.
    Remove,
}

impl Commands {
    /// Creates a group.
    ///
    /// # Errors
    /// `validation_error` or `group_name_taken`.
    pub async fn create_group(
        &self,
        request: &Request,
        input: GroupInput,
    ) -> Result<Done<GroupId>, CommandError> {
        let mut problems = Problems::default();
        let name = problems.check("name", values::label(&input.name));
        let description = input.description.unwrap_or_default();
        let description = problems.check("description", values::description(&description));
        self.check_members(&input.members, &mut problems).await?;
        problems.finish()?;
        let (Some(name), Some(description)) = (name, description) else {
            return Err(DomainError::field("name", "is required").into());
        };
        let id = GroupId(self.new_id());
        self.transact(request, "group", || async {
            let mut plan = Plan::new(id);
            let command = GroupCommand::Create {
                name: name.clone(),
                description: description.clone(),
                members: input.members.clone(),
            };
            plan.decide::<Group>(id.0, &fresh(), command)?;
            Ok(plan)
        })
        .await
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// `validation_error`, `not_found` or `group_name_taken`.
    pub async fn change_group(
        &self,
        request: &Request,
        id: GroupId,
        patch: GroupPatch,
    ) -> Result<Done<()>, CommandError> {
        let mut problems = Problems::default();
        let name = patch.name.and_then(|n| problems.check("name", values::label(&n)));
        let description =
            patch.description.and_then(|d| problems.check("description", values::description(&d)));
        if let Some(members) = &patch.members {
            self.check_members(members, &mut problems).await?;
        }
        problems.finish()?;
        self.group_command(request, id, || GroupCommand::Change {
            name: name.clone(),
            description: description.clone(),
            members: patch.members.clone(),
        })
        .await
    }

    /// Adds a user to a group.
    ///
    /// # Errors
    /// `not_found`, also for an unknown user.
    pub async fn add_member(
        &self,
        request: &Request,
        id: GroupId,
        user: UserId,
    ) -> Result<Done<()>, CommandError> {
        if !self.store.load::<User>(user.0).await?.state.exists() {
            return Err(DomainError::not_found("user").into());
        }
        self.group_command(request, id, || GroupCommand::AddMember(user)).await
    }

    /// Removes a user from a group.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn remove_member(
        &self,
        request: &Request,
        id: GroupId,
        user: UserId,
    ) -> Result<Done<()>, CommandError> {
        self.group_command(request, id, || GroupCommand::RemoveMember(user)).await
    }

    /// Adds many users to a group, or takes them out: one append, an answer for each user in the
    /// order given. Only what is wrong with a user is said there.
    ///
    /// # Errors
    /// `not_found` for the group; then nobody's membership has changed.
    pub async fn change_members(
        &self,
        request: &Request,
        id: GroupId,
        membership: Membership,
        users: &[UserId],
    ) -> Result<Done<Vec<Result<(), DomainError>>>, CommandError> {
        self.transact(request, "group", || async {
            let group = self.load_for::<Group>(request, "group", id.0).await?;
            if !group.state.exists() {
                return Err(DomainError::not_found("group").into());
            }
            let known = match membership {
                Membership::Add => Some(self.present_users(users).await?),
                Membership::Remove => None,
            };
            let mut answers = Vec::with_capacity(users.len());
            let mut commands = Vec::with_capacity(users.len());
            for user in users {
                if known.as_ref().is_some_and(|known| !known.contains(user)) {
                    answers.push(Err(DomainError::not_found("user")));
                    continue;
                }
                answers.push(Ok(()));
                commands.push(match membership {
                    Membership::Add => GroupCommand::AddMember(*user),
                    Membership::Remove => GroupCommand::RemoveMember(*user),
                });
            }
            let mut plan = Plan::new(answers);
            plan.decide_all(id.0, &group, commands)?;
            Ok(plan)
        })
        .await
    }

    /// Which of these users exist.
    pub(crate) async fn present_users(
        &self,
        users: &[UserId],
    ) -> Result<HashSet<UserId>, CommandError> {
        // An account is made and removed together with its user.
        let ids: Vec<Uuid> =
            sqlx::query_scalar("SELECT user_id FROM account WHERE user_id = ANY($1)")
                .bind(users.iter().map(|u| u.0).collect::<Vec<_>>())
                .fetch_all(&self.pool)
                .await?;
        Ok(ids.into_iter().map(UserId).collect())
    }

    /// Deletes a group; policies that target it match nobody through it any more.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_group(
        &self,
        request: &Request,
        id: GroupId,
    ) -> Result<Done<()>, CommandError> {
        self.group_command(request, id, || GroupCommand::Delete).await
    }

    async fn group_command(
        &self,
        request: &Request,
        id: GroupId,
        command: impl Fn() -> GroupCommand + Send + Sync,
    ) -> Result<Done<()>, CommandError> {
        let command = &command;
        self.transact(request, "group", || async move {
            let group = self.load_for::<Group>(request, "group", id.0).await?;
            let mut plan = Plan::new(());
            plan.decide(id.0, &group, command())?;
            Ok(plan)
        })
        .await
    }

    async fn check_members(
        &self,
        members: &[UserId],
        problems: &mut Problems,
    ) -> Result<(), CommandError> {
        for (i, user) in members.iter().enumerate() {
            if !self.store.load::<User>(user.0).await?.state.exists() {
                problems.add(format!("members[{i}]"), format!("there is no user {user}"));
            }
        }
        Ok(())
    }
}
