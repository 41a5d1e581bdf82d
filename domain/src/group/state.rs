//! What decides about a group.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::GroupEvent;
use crate::{error::DomainError, ids::UserId};

/// A command to a group. All values have been validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupCommand {
    /// Makes the group.
    Create {
        /// Its name.
        name: String,
        /// What it is for.
        description: String,
        /// Its first members, who exist.
        members: Vec<UserId>,
    },
    /// Changes what is given and leaves the rest.
    Change {
        /// Another name.
        name: Option<String>,
        /// Another description.
        description: Option<String>,
        /// Exactly these members, who exist.
        members: Option<Vec<UserId>>,
    },
    /// Adds a user, who exists.
    AddMember(UserId),
    /// Removes a user.
    RemoveMember(UserId),
    /// Removes the group.
    Delete,
    /// Makes it what it was, also where it was deleted.
    Restore {
        /// What it was called.
        name: String,
        /// What it was for.
        description: String,
        /// Those of its members then who still exist.
        members: Vec<UserId>,
    },
}

/// A group's state as folded from the events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Group {
    created: bool,
    deleted: bool,
    name: String,
    description: String,
    members: BTreeSet<UserId>,
}

impl Group {
    /// Whether the group exists and was not deleted.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.created && !self.deleted
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its members, also those who have been deleted since.
    #[must_use]
    pub const fn members(&self) -> &BTreeSet<UserId> {
        &self.members
    }

    /// See [`Decider::decide`](crate::Decider::decide).
    ///
    /// # Errors
    /// `not_found` for an unknown or deleted group, unless that is restored.
    pub fn decide(&self, command: GroupCommand) -> Result<Vec<GroupEvent>, DomainError> {
        if let GroupCommand::Create { name, description, members } = command {
            if self.created {
                return Err(DomainError::conflict("group_exists", "the group exists already"));
            }
            let members: BTreeSet<UserId> = members.into_iter().collect();
            return Ok(std::iter::once(GroupEvent::Created { name, description })
                .chain(members.into_iter().map(|user_id| GroupEvent::MemberAdded { user_id }))
                .collect());
        }
        if self.deleted
            && let GroupCommand::Restore { name, description, members } = command
        {
            let members: BTreeSet<UserId> = members.into_iter().collect();
            return Ok(std::iter::once(GroupEvent::Restored { name, description })
                .chain(members.into_iter().map(|user_id| GroupEvent::MemberAdded { user_id }))
                .collect());
        }
        if !self.exists() {
            return Err(DomainError::not_found("group"));
        }
        Ok(match command {
            GroupCommand::Create { .. } => vec![],
            GroupCommand::Restore { name, description, members } => {
                return self.decide(GroupCommand::Change {
                    name: Some(name),
                    description: Some(description),
                    members: Some(members),
                });
            }
            GroupCommand::Change { name, description, members } => {
                let mut events = Vec::new();
                if let Some(name) = name.filter(|n| *n != self.name) {
                    events.push(GroupEvent::Renamed { name });
                }
                if let Some(description) = description.filter(|d| *d != self.description) {
                    events.push(GroupEvent::DescriptionChanged { description });
                }
                if let Some(members) = members {
                    events.extend(self.set_members(&members.into_iter().collect()));
                }
                events
            }
            GroupCommand::AddMember(user_id) if self.members.contains(&user_id) => vec![],
            GroupCommand::AddMember(user_id) => vec![GroupEvent::MemberAdded { user_id }],
            GroupCommand::RemoveMember(user_id) if self.members.contains(&user_id) => {
                vec![GroupEvent::MemberRemoved { user_id }]
            }
            GroupCommand::RemoveMember(_) => vec![],
            GroupCommand::Delete => vec![GroupEvent::Deleted {}],
        })
    }

    fn set_members(&self, wanted: &BTreeSet<UserId>) -> Vec<GroupEvent> {
        let removed = self.members.difference(wanted);
        let added = wanted.difference(&self.members);
        removed
            .map(|&user_id| GroupEvent::MemberRemoved { user_id })
            .chain(added.map(|&user_id| GroupEvent::MemberAdded { user_id }))
            .collect()
    }

    pub(super) fn evolve(&mut self, event: &GroupEvent) {
        match event {
            GroupEvent::Created { name, description } => {
                self.created = true;
                self.name.clone_from(name);
                self.description.clone_from(description);
            }
            GroupEvent::Renamed { name } => self.name.clone_from(name),
            GroupEvent::DescriptionChanged { description } => {
                self.description.clone_from(description);
            }
            GroupEvent::MemberAdded { user_id } => {
                self.members.insert(*user_id);
            }
            GroupEvent::MemberRemoved { user_id } => {
                self.members.remove(user_id);
            }
            GroupEvent::Deleted {} => self.deleted = true,
            GroupEvent::Restored { name, description } => {
                self.deleted = false;
                self.members.clear();
                self.name.clone_from(name);
                self.description.clone_from(description);
            }
        }
    }
}
