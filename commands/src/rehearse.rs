//! Commands that are gone through and do not happen.
//!
//! A rehearsal is the command itself: it is checked, loaded and decided by the same code, and its
//! append goes up to the commit and is then rolled back, so that whatever would refuse it refuses
//! it in the same words. What it leaves is the events that it would have stored.

use std::sync::{Arc, Mutex, PoisonError};

use nexavpn_domain::{
    Event,
    ids::{DeviceId, GroupId, PolicyId, UserId},
};

use crate::{
    CommandError, Commands, DeviceChange, GroupInput, GroupPatch, PolicyInput, PolicyPatch,
    Request, Whose,
};

/// A command that can be rehearsed: one that does nothing besides its append.
#[derive(Debug, Clone)]
pub enum Change {
    /// [`Commands::create_policy`]
    CreatePolicy(PolicyInput),
    /// [`Commands::change_policy`]
    ChangePolicy(PolicyId, PolicyPatch),
    /// [`Commands::delete_policy`]
    DeletePolicy(PolicyId),
    /// [`Commands::create_group`]
    CreateGroup(GroupInput),
    /// [`Commands::change_group`]
    ChangeGroup(GroupId, GroupPatch),
    /// [`Commands::delete_group`]
    DeleteGroup(GroupId),
    /// [`Commands::add_member`]
    AddMember(GroupId, UserId),
    /// [`Commands::remove_member`]
    RemoveMember(GroupId, UserId),
    /// [`Commands::disable_user`]
    DisableUser(UserId),
    /// [`Commands::enable_user`]
    EnableUser(UserId),
    /// [`Commands::delete_user`]
    DeleteUser(UserId),
    /// [`Commands::change_device`], to let it in or not.
    EnableDevice(DeviceId, bool),
    /// [`Commands::revoke_device`]
    RevokeDevice(DeviceId),
    /// [`Commands::restore_policy`]
    RestorePolicy(PolicyId, i64),
    /// [`Commands::restore_group`]
    RestoreGroup(GroupId, i64),
    /// [`Commands::restore_device`]
    RestoreDevice(DeviceId, i64),
}

/// Where the events of rehearsed commands end up.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal(Arc<Mutex<Vec<Event>>>);

impl Rehearsal {
    /// Nothing rehearsed yet, and the request with which commands are rehearsed instead of
    /// happening. They have to be such that do nothing besides their appends; [`Change`] has those.
    #[must_use]
    pub fn of(request: &Request) -> (Self, Request) {
        let rehearsal = Self::default();
        let request = Request { once: None, rehearsal: Some(rehearsal.clone()), ..request.clone() };
        (rehearsal, request)
    }

    pub(crate) fn keep(&self, mut events: Vec<Event>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(&mut events);
    }

    /// The events that the commands would have stored, those of a command in their order. Sealed
    /// fields are open in them: they are for this process only.
    #[must_use]
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Commands {
    /// The events that a change would store now; nothing is stored. See [`Rehearsal::take`].
    ///
    /// # Errors
    /// Those of the change itself.
    pub async fn rehearse(
        &self,
        request: &Request,
        change: Change,
    ) -> Result<Vec<Event>, CommandError> {
        let (rehearsal, request) = &Rehearsal::of(request);
        // What a command answers is of no use: none of it has happened.
        let done = match change {
            Change::CreatePolicy(input) => self.create_policy(request, input).await.map(drop),
            Change::ChangePolicy(id, patch) => {
                self.change_policy(request, id, patch).await.map(drop)
            }
            Change::DeletePolicy(id) => self.delete_policy(request, id).await.map(drop),
            Change::CreateGroup(input) => self.create_group(request, input).await.map(drop),
            Change::ChangeGroup(id, patch) => self.change_group(request, id, patch).await.map(drop),
            Change::DeleteGroup(id) => self.delete_group(request, id).await.map(drop),
            Change::AddMember(id, user) => self.add_member(request, id, user).await.map(drop),
            Change::RemoveMember(id, user) => self.remove_member(request, id, user).await.map(drop),
            Change::DisableUser(id) => self.disable_user(request, id).await.map(drop),
            Change::EnableUser(id) => self.enable_user(request, id).await.map(drop),
            Change::DeleteUser(id) => self.delete_user(request, id).await.map(drop),
            Change::RestorePolicy(id, idx) => self.restore_policy(request, id, idx).await.map(drop),
            Change::RestoreGroup(id, idx) => self.restore_group(request, id, idx).await.map(drop),
            Change::RestoreDevice(id, idx) => self.restore_device(request, id, idx).await.map(drop),
            Change::EnableDevice(id, on) => {
                let change = DeviceChange { enabled: Some(on), ..DeviceChange::default() };
                self.change_device(request, Whose::Anybodys, id, change).await.map(drop)
            }
            Change::RevokeDevice(id) => {
                self.revoke_device(request, Whose::Anybodys, id, None).await.map(drop)
            }
        };
        done.map(|()| rehearsal.take())
    }
}
