//! Changing, rotating and revoking a device.

use std::net::IpAddr;

use nexavpn_domain::{
    DomainError, Problems,
    device::{Device, DeviceCommand, Reprovision},
    ids::{DeviceId, SessionId, UserId},
    session::{EndReason, Session, SessionCommand},
    user::User,
    values,
};
use nexavpn_store::{Loaded, Reservation, Reserved, SlotError};
use uuid::Uuid;

use super::{DeviceChange, Enrolled, NewKey, Whose, input::one_address, place::Places};
use crate::{
    CommandError, Commands, Done, Request,
    rows::{CloseSession, Due, HandOver, UnindexDevice},
    transact::Plan,
};

impl Commands {
    /// Gives a device a new key.
    ///
    /// # Errors
    /// `validation_error`, `not_found`, `device_revoked` or `public_key_taken`.
    pub async fn set_device_key(
        &self,
        request: &Request,
        whose: Whose,
        id: DeviceId,
        key: NewKey,
    ) -> Result<Done<Enrolled>, CommandError> {
        let key = self.key(key)?;
        self.transact(request, "device", || async {
            let device = self.load_device(request, whose, id).await?;
            let private_key = key.private.clone();
            let enrolled =
                Enrolled { device_id: id, private_key, preshared_key: None, created: false };
            let mut plan = Plan::new(enrolled);
            let command = DeviceCommand::Reprovision(Reprovision {
                public_key: key.public.clone(),
                key_origin: key.origin,
                os_version: None,
                app_version: None,
            });
            let preshared = self.renew_preshared_key(&mut plan, id, &device.state).await?;
            if device.state.public_key() != Some(&key.public) {
                self.plan_next_key(&mut plan, id, &key).await?;
            }
            self.plan_device_commands(&mut plan, id, &device, vec![command, preshared])?;
            Ok(plan)
        })
        .await
    }

    /// Changes what is given.
    ///
    /// A device that becomes somebody else's ends the sessions that were bound to it, and counts
    /// to its new owner: policies apply to it as the new owner's from then on. One that gets
    /// another gateway gives up its place at the old one in the same moment.
    ///
    /// # Errors
    /// `validation_error`, `not_found`, `device_revoked`, `device_name_taken`, `address_taken`,
    /// `user_disabled`, `device_limit`, `gateway_not_ready`, `gateway_draining` or
    /// `pool_exhausted`.
    pub async fn change_device(
        &self,
        request: &Request,
        whose: Whose,
        id: DeviceId,
        change: DeviceChange,
    ) -> Result<Done<()>, CommandError> {
        let mut problems = Problems::default();
        let name = change.name.and_then(|n| problems.check("name", values::label(&n)));
        let platform = change.platform.and_then(|p| problems.check("platform", values::label(&p)));
        let address = change.address.and_then(|a| problems.check("assigned_ip", one_address(&a)));
        problems.finish()?;
        let places = Places::default();
        let attempt = || async {
            places.begin();
            let device = self.load_device(request, whose, id).await?;
            let mut plan = Plan::new(());
            let mut commands = Vec::new();
            let owner = change.owner.filter(|o| Some(*o) != device.state.owner());
            commands.extend(owner.map(DeviceCommand::ChangeOwner));
            let from = device.state.gateway_id();
            let other = change.gateway.filter(|to| Some(*to) != from);
            if let (Some(from), Some(to)) = (from, other) {
                device.state.present()?;
                let gateway = self.wished_gateway(to).await?;
                let to = (to, &gateway);
                commands.push(self.plan_gateway(&mut plan, id, from, to, address, &places).await?);
            } else if let Some(address) = address {
                commands
                    .extend(self.plan_move(&mut plan, id, &device.state, address, &places).await?);
            }
            commands.extend(name.clone().map(DeviceCommand::Rename));
            commands.extend(platform.clone().map(DeviceCommand::SetPlatform));
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
            self.plan_device_commands(&mut plan, id, &device, commands)?;
            if let Some(owner) = owner {
                plan.because_of_its("device.owner_changed");
                self.plan_owner(&mut plan, id, &device.state, owner).await?;
            }
            Ok(plan)
        };
        let outcome = self.transact(request, "device", attempt).await;
        places.give_back(self, outcome.is_ok()).await;
        outcome
    }

    /// What a new owner means beside the device's own event: it counts to them, is found by its
    /// fingerprint among theirs, and nobody goes on speaking for it.
    async fn plan_owner(
        &self,
        plan: &mut Plan<()>,
        id: DeviceId,
        device: &Device,
        owner: UserId,
    ) -> Result<(), CommandError> {
        if !device.exists() {
            return Ok(());
        }
        if !self.store.load::<User>(owner.0).await?.state.exists() {
            return Err(DomainError::field("user_id", "there is no such user").into());
        }
        let bound: Vec<Uuid> = sqlx::query_scalar(
            "SELECT session_id FROM session WHERE device_id = $1 ORDER BY session_id",
        )
        .bind(id.0)
        .fetch_all(&self.pool)
        .await?;
        let bound: Vec<SessionId> = bound.into_iter().map(SessionId).collect();
        plan.row(HandOver {
            device_id: id,
            user_id: owner,
            fingerprint_hmac: device.fingerprint().map(|f| self.fingerprint(owner, f)),
            limit: self.settings.devices_per_user,
            ended: bound.clone(),
        });
        for session in bound {
            let loaded = self.store.load::<Session>(session.0).await?;
            let end = SessionCommand::End(EndReason::DeviceOwnerChanged);
            if plan.decide(session.0, &loaded, end)? {
                plan.about(loaded.state.user_id());
            }
            plan.row(CloseSession(session));
        }
        Ok(())
    }

    /// Reserves the wished address, unless the device has it already.
    async fn plan_move(
        &self,
        plan: &mut Plan<()>,
        id: DeviceId,
        device: &Device,
        address: IpAddr,
        places: &Places,
    ) -> Result<Option<DeviceCommand>, CommandError> {
        device.present()?;
        let Some(gateway_id) = device.gateway_id() else { return Ok(None) };
        let gateway = self.gateway(gateway_id).await?;
        let Some(fields) = gateway.fields() else { return Ok(None) };
        if device.slot().is_some() && fields.pool.slot_of(address) == device.slot() {
            return Ok(None);
        }
        let place = self.reserve(gateway_id, fields, Some(address)).await?;
        places.note(place);
        let addresses = fields.pool.addresses(place.slot).ok_or(SlotError::OutOfPool)?;
        let Reserved { token, slot } = place;
        plan.hold(Reservation { token: Some(token), gateway: gateway_id, slot, device: id });
        Ok(Some(DeviceCommand::Move { slot, addresses }))
    }

    /// Raises the profile revision and asks the client for a new key within the rotation period.
    ///
    /// # Errors
    /// `not_found` or `device_revoked`.
    pub async fn rotate_device(
        &self,
        request: &Request,
        whose: Whose,
        id: DeviceId,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "device", || async {
            let device = self.load_device(request, whose, id).await?;
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
        whose: Whose,
        id: DeviceId,
        reason: Option<String>,
    ) -> Result<Done<()>, CommandError> {
        let reason = match reason.as_deref().map(values::description).transpose() {
            Ok(reason) => reason.filter(|r| !r.is_empty()),
            Err(why) => return Err(DomainError::field("reason", why).into()),
        };
        self.transact(request, "device", || async {
            let device = self.load_device(request, whose, id).await?;
            let mut plan = Plan::new(());
            plan_revocation(&mut plan, id, &device, reason.clone())?;
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
            plan.about(after.owner());
        }
        let at = after.next_tick();
        if at != device.state.next_tick() {
            plan.row(Due { aggregate_type: "device", aggregate_id: id.0, at });
        }
        Ok(())
    }
}

/// Adds the revocation of a device to a plan.
pub(crate) fn plan_revocation<T>(
    plan: &mut Plan<T>,
    id: DeviceId,
    device: &Loaded<Device>,
    reason: Option<String>,
) -> Result<(), CommandError> {
    if plan.decide(id.0, device, DeviceCommand::Revoke { reason })? {
        plan.about(device.state.owner());
        plan.row(UnindexDevice(id));
        plan.row(Due { aggregate_type: "device", aggregate_id: id.0, at: None });
    }
    Ok(())
}
