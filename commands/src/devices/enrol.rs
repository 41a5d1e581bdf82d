//! Enrolling a device, and giving a known one its new key.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    DomainError,
    device::{Device, DeviceCommand, Enrolment, KeyOrigin, Reprovision},
    event::Claim,
    ids::{DeviceId, UserId},
    session::{Session, SessionCommand},
};
use nexavpn_store::Reservation;
use uuid::Uuid;

use super::{DeviceSecrets, EnrolRequest, Enrolled, ForUser, Whose, input::Checked, place::Places};
use crate::{
    CommandError, Commands, Done, Request,
    rows::{BindSession, Due, IndexDevice},
    transact::{Plan, fresh},
};

impl Commands {
    /// Enrols a device, or gives the one with the same fingerprint its new key.
    ///
    /// # Errors
    /// `validation_error`, `device_name_taken`, `public_key_taken`, `device_limit`,
    /// `address_taken`, `pool_exhausted`, `no_gateway`, `gateway_not_ready` or
    /// `gateway_draining`.
    pub async fn enrol_device(
        &self,
        request: &Request,
        for_user: ForUser,
        input: EnrolRequest,
    ) -> Result<Done<Enrolled>, CommandError> {
        let owner = for_user.user();
        let (wish, expires_at, meanwhile) =
            (input.gateway_id, input.expires_at, input.meanwhile.clone());
        let checked = self.check(input)?;
        // Nearly always it is a new one: its gateway is looked for meanwhile, and a device with its key only
        // where it cannot be enrolled.
        let (known, first) = tokio::join!(self.known_machine(owner, &checked), async {
            match self.known_gateway(request, wish, checked.address).await {
                Some(known) => Ok(known),
                None => self.choose_gateway(wish, checked.address).await,
            }
        });
        if let Some(id) = known? {
            return self.reprovision(request, for_user, id, &checked, expires_at).await;
        }
        let chosen = Mutex::new(Some(first));
        let fingerprint_hmac = checked.fingerprint.as_ref().map(|f| self.fingerprint(owner, f));
        let id = DeviceId(self.new_id());
        let places = Places::default();
        let outcome = self
            .transact(request, "device", || async {
                places.begin();
                let first = chosen.lock().unwrap_or_else(PoisonError::into_inner).take();
                let (gateway_id, gateway) = match first {
                    Some(first) => first?,
                    None => self.choose_gateway(wish, checked.address).await?,
                };
                let place = self.reserve(gateway_id, &gateway, checked.address).await?;
                places.note(place);
                let addresses = gateway.pool.addresses(place.slot).ok_or_else(|| {
                    DomainError::conflict("pool_exhausted", "the pool has no such address")
                })?;
                let mut plan = Plan::new(Enrolled {
                    device_id: id,
                    private_key: checked.key.private.clone(),
                    preshared_key: None,
                    created: true,
                });
                let enrolment = Enrolment {
                    owner,
                    name: checked.name.clone(),
                    platform: checked.platform.clone(),
                    os_version: checked.os_version.clone(),
                    app_version: checked.app_version.clone(),
                    fingerprint: checked.fingerprint.clone(),
                    public_key: checked.key.public.clone(),
                    key_origin: checked.key.origin,
                    gateway_id,
                    slot: place.slot,
                    addresses,
                };
                let wanted = gateway.preshared_keys || checked.key.kept;
                let preshared_key = self.plan_preshared_key(&mut plan, id, None, wanted).await?;
                if let Some(meanwhile) = &meanwhile {
                    let Enrolled { private_key, preshared_key, .. } = plan.value_mut().clone();
                    meanwhile(id, &enrolment, &DeviceSecrets { private_key, preshared_key });
                }
                let mut commands = vec![DeviceCommand::Enrol(Box::new(enrolment)), preshared_key];
                commands.extend(
                    expires_at.map(|at| DeviceCommand::SetExpiry {
                        expires_at: Some(at),
                        now: self.now(),
                    }),
                );
                plan.decide_all::<Device>(id.0, &fresh(), commands)?;
                if let Some(private_key) = checked.key.to_keep() {
                    self.plan_kept_key(&mut plan, id, &checked.key.public, private_key).await?;
                }
                plan.hold(Reservation {
                    token: Some(place.token),
                    gateway: gateway_id,
                    slot: place.slot,
                    device: id,
                });
                plan.row(IndexDevice {
                    device_id: id,
                    user_id: owner,
                    gateway_id,
                    fingerprint_hmac: fingerprint_hmac.clone(),
                    limit: for_user.limit(&self.settings),
                });
                if let Some(at) = expires_at {
                    plan.row(Due { aggregate_type: "device", aggregate_id: id.0, at: Some(at) });
                }
                plan.because_of_its("device.enrolled");
                self.bind(&mut plan, for_user, id).await?;
                Ok(plan)
            })
            .await;
        places.give_back(self, outcome.is_ok()).await;
        // It may be there already, also because the same request was made twice at once.
        if let Err(CommandError::Domain(_)) = &outcome
            && let Some(id) = self.known_device(owner, &checked).await?
        {
            return self.reprovision(request, for_user, id, &checked, expires_at).await;
        }
        outcome
    }

    /// A device of the user that the request is about: by fingerprint, or by its present key.
    async fn known_device(
        &self,
        owner: UserId,
        checked: &Checked,
    ) -> Result<Option<DeviceId>, CommandError> {
        match self.known_machine(owner, checked).await? {
            Some(id) => Ok(Some(id)),
            None => self.known_key(owner, checked).await,
        }
    }

    /// The user's device with the fingerprint of the request.
    async fn known_machine(
        &self,
        owner: UserId,
        checked: &Checked,
    ) -> Result<Option<DeviceId>, CommandError> {
        let Some(fingerprint) = &checked.fingerprint else { return Ok(None) };
        let id: Option<Uuid> = sqlx::query_scalar(
            "SELECT device_id FROM device_index
             WHERE user_id = $1 AND fingerprint_hmac = $2 ORDER BY device_id LIMIT 1",
        )
        .bind(owner.0)
        .bind(self.fingerprint(owner, fingerprint))
        .fetch_optional(self.store.direct())
        .await?;
        Ok(id.map(DeviceId))
    }

    /// The user's device with the key of the request, and with its address if it names one.
    async fn known_key(
        &self,
        owner: UserId,
        checked: &Checked,
    ) -> Result<Option<DeviceId>, CommandError> {
        if checked.key.origin == KeyOrigin::Server {
            // It was made just now: nobody has it.
            return Ok(None);
        }
        let claim = Claim::public_key(&checked.key.public);
        let Some(holder) = self.claim_holder(&claim).await? else { return Ok(None) };
        let device = self.store.load::<Device>(holder).await?;
        let same = device.state.exists()
            && device.state.owner() == Some(owner)
            && device.state.public_key() == Some(&checked.key.public)
            && self.is_at(&device.state, checked.address).await?;
        Ok(same.then_some(DeviceId(holder)))
    }

    /// Whether the device has the address, where one is wished.
    async fn is_at(&self, device: &Device, wish: Option<IpAddr>) -> Result<bool, CommandError> {
        let (Some(address), Some(gateway)) = (wish, device.gateway_id()) else { return Ok(true) };
        let gateway = self.gateway(gateway).await?;
        let slot = gateway.fields().and_then(|g| g.pool.slot_of(address));
        Ok(slot.is_some() && slot == device.slot())
    }

    async fn reprovision(
        &self,
        request: &Request,
        for_user: ForUser,
        id: DeviceId,
        checked: &Checked,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<Done<Enrolled>, CommandError> {
        self.transact(request, "device", || async {
            let device = self.store.load::<Device>(id.0).await?;
            Whose::Of(for_user.user()).check(&device.state)?;
            let private_key = checked.key.private.clone();
            let enrolled =
                Enrolled { device_id: id, private_key, preshared_key: None, created: false };
            let mut plan = Plan::new(enrolled);
            let mut commands = vec![DeviceCommand::Reprovision(Reprovision {
                public_key: checked.key.public.clone(),
                key_origin: checked.key.origin,
                os_version: checked.os_version.clone(),
                app_version: checked.app_version.clone(),
            })];
            commands.push(self.renew_preshared_key(&mut plan, id, &device.state).await?);
            if device.state.public_key() != Some(&checked.key.public) {
                self.plan_next_key(&mut plan, id, &checked.key).await?;
            }
            if expires_at.is_some() {
                let kept = device.state.settings().is_none_or(|d| d.expires_at == expires_at);
                if !kept && !for_user.changes_expiry() {
                    let why = "of a device that is there already is for admins to change: leave it \
                               out";
                    return Err(DomainError::field("expires_at", why).into());
                }
                commands.push(DeviceCommand::SetExpiry { expires_at, now: self.now() });
            }
            self.plan_device_commands(&mut plan, id, &device, commands)?;
            plan.because_of_its("device.reprovisioned");
            self.bind(&mut plan, for_user, id).await?;
            Ok(plan)
        })
        .await
    }

    /// Ties the login session to the device.
    async fn bind<T>(
        &self,
        plan: &mut Plan<T>,
        for_user: ForUser,
        device_id: DeviceId,
    ) -> Result<(), CommandError> {
        let ForUser::Session(user_id, session_id) = for_user else { return Ok(()) };
        let session = self.store.load::<Session>(session_id.0).await?;
        if plan.decide(session_id.0, &session, SessionCommand::BindDevice(device_id))? {
            plan.row(BindSession { session_id, user_id, device_id });
        }
        Ok(())
    }

    pub(super) fn fingerprint(&self, owner: UserId, fingerprint: &str) -> String {
        self.store.keyring().lookup_hmac("fingerprint", &format!("{owner}/{fingerprint}"))
    }
}
