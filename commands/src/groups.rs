//! Commands about groups.

use nexavpn_domain::{
    DomainError, Problems,
    group::{Group, GroupCommand},
    ids::{GroupId, UserId},
    user::User,
    values,
};

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
