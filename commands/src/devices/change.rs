//! Changing, rotating and revoking a device.

use nexavpn_domain::{
    DomainError, Problems,
    device::{Device, DeviceCommand, Reprovision},
    ids::{DeviceId, UserId},
    values,
};
use nexavpn_store::Loaded;

use super::{DeviceChange, Enrolled, NewKey};
use crate::{CommandError, Commands, Done, Request, rows::Due, transact::Plan};

impl Commands {
    /// Gives a device a new key.
    ///
    /// # Errors
    /// `validation_error`, `not_found`, `device_revoked` or `public_key_taken`.
    pub async fn set_device_key(
        &self,
        request: &Request,
        id: DeviceId,
        key: NewKey,
    ) -> Result<Done<Enrolled>, CommandError> {
        let (public_key, key_origin, private_key) = self.key(key)?;
        self.transact(request, "device", || async {
            let device = self.load_for::<Device>(request, "device", id.0).await?;
            let private_key = private_key.clone();
            let mut plan = Plan::new(Enrolled { device_id: id, private_key, created: false });
            let command = DeviceCommand::Reprovision(Reprovision {
                public_key: public_key.clone(),
                key_origin,
                os_version: None,
                app_version: None,
            });
            self.plan_device(&mut plan, id, &device, command)?;
            Ok(plan)
        })
        .await
    }

    /// Changes what is given.
    ///
    /// # Errors
    /// `validation_error`, `not_found`, `device_revoked` or `device_name_taken`.
    pub async fn change_device(
        &self,
        request: &Request,
        id: DeviceId,
        change: DeviceChange,
    ) -> Result<Done<()>, CommandError> {
        let mut problems = Problems::default();
        let name = change.name.and_then(|n| problems.check("name", values::label(&n)));
        problems.finish()?;
        self.transact(request, "device", || async {
            let device = self.load_for::<Device>(request, "device", id.0).await?;
            let mut commands = Vec::new();
            commands.extend(name.clone().map(DeviceCommand::Rename));
            commands.extend(
                change.enabled.map(
                    |on| {
                        if on { DeviceCommand::Enable } else { DeviceCommand::Disable }
                    },
                ),
            );
            commands.extend(
                change
                    .expires_at
                    .map(|expires_at| DeviceCommand::SetExpiry { expires_at, now: self.now() }),
            );
            let mut plan = Plan::new(());
            self.plan_device_commands(&mut plan, id, &device, commands)?;
            Ok(plan)
        })
        .await
    }

    /// Raises the profile revision and asks the client for a new key within the rotation period.
    ///
    /// # Errors
    /// `not_found` or `device_revoked`.
    pub async fn rotate_device(
        &self,
        request: &Request,
        id: DeviceId,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "device", || async {
            let device = self.load_for::<Device>(request, "device", id.0).await?;
            let mut plan = Plan::new(());
            let deadline = self.now() + self.settings.rotation_period;
            self.plan_device(&mut plan, id, &device, DeviceCommand::Rotate { deadline })?;
            Ok(plan)
        })
        .await
    }

    /// Puts a device out for good.
    ///
    /// # Errors
    /// `validation_error` for the reason, or `not_found`.
    pub async fn revoke_device(
        &self,
        request: &Request,
        id: DeviceId,
        reason: Option<String>,
    ) -> Result<Done<()>, CommandError> {
        let reason = match reason.as_deref().map(values::description).transpose() {
            Ok(reason) => reason.filter(|r| !r.is_empty()),
            Err(why) => return Err(DomainError::field("reason", why).into()),
        };
        self.transact(request, "device", || async {
            self.load_for::<Device>(request, "device", id.0).await?;
            let mut plan = Plan::new(());
            self.plan_revocation(&mut plan, id, reason.clone()).await?;
            Ok(plan)
        })
        .await
    }

    /// Whose device it is; none for an unknown one.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn device_owner(&self, id: DeviceId) -> Result<Option<UserId>, CommandError> {
        Ok(self.store.load::<Device>(id.0).await?.state.owner())
    }

    /// Decides, and notes when the clock process has to look again.
    pub(super) fn plan_device<T>(
        &self,
        plan: &mut Plan<T>,
        id: DeviceId,
        device: &Loaded<Device>,
        command: DeviceCommand,
    ) -> Result<(), CommandError> {
        self.plan_device_commands(plan, id, device, vec![command])
    }

    pub(crate) fn plan_device_commands<T>(
        &self,
        plan: &mut Plan<T>,
        id: DeviceId,
        device: &Loaded<Device>,
        commands: Vec<DeviceCommand>,
    ) -> Result<(), CommandError> {
        let (after, any) = plan.decide_all(id.0, device, commands)?;
        if any {
            plan.about(device.state.owner());
        }
        plan.row(Due { aggregate_type: "device", aggregate_id: id.0, at: after.next_tick() });
        Ok(())
    }
}
