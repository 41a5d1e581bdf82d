//! Going back: what something was at an earlier moment, made so again by a command of its own.
//! History is never rewritten.

use nexavpn_domain::{
    Decider, DomainError,
    device::Device,
    group::{Group, GroupCommand},
    ids::{DeviceId, GroupId, PolicyId},
    policy::{Policy, PolicyCommand},
};
use uuid::Uuid;

use crate::{CommandError, Commands, DeviceChange, Done, Request, Whose, transact::Plan};

fn was_not_there(entity: &str) -> DomainError {
    let message = format!("there was no such {entity} then: choose a moment at which it existed");
    DomainError::conflict("no_such_state", message)
}

impl Commands {
    /// Makes a policy what it was after event `idx`, also where it was deleted since. One that was
    /// deleted counts as made now where the order goes by age.
    ///
    /// # Errors
    /// `not_found`; `no_such_state` where it did not exist then; what the present refuses, as
    /// `profile_too_large`.
    pub async fn restore_policy(
        &self,
        request: &Request,
        id: PolicyId,
        idx: i64,
    ) -> Result<Done<()>, CommandError> {
        let then: Policy = self.state_at(id.0, idx).await?;
        self.transact(request, "policy", || async {
            let policy = self.load_for::<Policy>(request, "policy", id.0).await?;
            if policy.sequence == 0 {
                return Err(DomainError::not_found("policy").into());
            }
            let fields = then.fields().ok_or_else(|| was_not_there("policy"))?;
            let fields = Box::new(fields.clone());
            let mut plan = Plan::new(());
            let command = PolicyCommand::Restore { fields, now: self.now() };
            self.plan_policy(&mut plan, id, &policy, command)?;
            Ok(plan)
        })
        .await
    }

    /// Makes a group what it was after event `idx`, also where it was deleted since. Members who
    /// have been deleted are not in it.
    ///
    /// # Errors
    /// `not_found`; `no_such_state` where it did not exist then; `group_name_taken`.
    pub async fn restore_group(
        &self,
        request: &Request,
        id: GroupId,
        idx: i64,
    ) -> Result<Done<()>, CommandError> {
        let then: Group = self.state_at(id.0, idx).await?;
        self.transact(request, "group", || async {
            let group = self.load_for::<Group>(request, "group", id.0).await?;
            if group.sequence == 0 {
                return Err(DomainError::not_found("group").into());
            }
            if !then.exists() {
                return Err(was_not_there("group").into());
            }
            let members: Vec<_> = then.members().iter().copied().collect();
            let present = self.present_users(&members).await?;
            let mut plan = Plan::new(());
            let command = GroupCommand::Restore {
                name: then.name().to_owned(),
                description: then.description().to_owned(),
                members: members.into_iter().filter(|user| present.contains(user)).collect(),
            };
            plan.decide(id.0, &group, command)?;
            Ok(plan)
        })
        .await
    }

    /// Gives a device the settings that it had after event `idx`: name, platform, whether it is let
    /// in and its expiry. Owner, keys, gateway and address stay. So does the name where another
    /// person had the device then: it is theirs.
    ///
    /// # Errors
    /// `not_found`; `no_such_state` where it did not exist then; `device_revoked`;
    /// `device_name_taken`.
    pub async fn restore_device(
        &self,
        request: &Request,
        id: DeviceId,
        idx: i64,
    ) -> Result<Done<()>, CommandError> {
        let now = self.store.load::<Device>(id.0).await?.state;
        now.present()?;
        let then: Device = self.state_at(id.0, idx).await?;
        let settings = then.settings().ok_or_else(|| was_not_there("device"))?;
        let name = settings.name.into_option().filter(|_| then.owner() == now.owner());
        let change = DeviceChange {
            name,
            platform: Some(settings.platform),
            enabled: Some(settings.enabled),
            expires_at: Some(settings.expires_at),
            ..DeviceChange::default()
        };
        // Given away in this very moment, it would get a name of the owner before.
        let whose = now.owner().map_or(Whose::Anybodys, Whose::Of);
        self.change_device(request, whose, id, change).await
    }

    async fn state_at<A: Decider>(&self, id: Uuid, idx: i64) -> Result<A, CommandError> {
        Ok(self.store.log().state_at(id, idx).await?)
    }
}
