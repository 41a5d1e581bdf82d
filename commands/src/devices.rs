//! Commands about devices.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    DomainError, Problems,
    device::{Device, DeviceCommand, Enrolment, KeyOrigin, Reprovision},
    event::{Claim, ClaimKind},
    gateway::{Gateway, GatewayFields},
    ids::{DeviceId, GatewayId, SessionId, UserId},
    session::{Session, SessionCommand},
    values::{self, PublicKey},
};
use nexavpn_store::{Reservation, Reserved, SlotRequest};
use uuid::Uuid;
use x25519_dalek::{PublicKey as X25519Public, StaticSecret};

use crate::{
    CommandError, Commands, Done, Request, Secret,
    rows::{BindSession, Due, IndexDevice},
    transact::{Plan, fresh},
};

/// Where a new device's key comes from.
#[derive(Debug, Clone)]
pub enum NewKey {
    /// The client made it; this is the public half in base64.
    Client(String),
    /// The control plane makes it, shows the private half once and forgets it.
    Generate,
}

/// A device to enrol. Debug would show personal data, so there is none.
#[derive(Clone)]
pub struct EnrolRequest {
    /// What the owner calls it.
    pub name: String,
    /// `macos`, `linux`, …
    pub platform: Option<String>,
    /// As the client says.
    pub os_version: Option<String>,
    /// As the client says.
    pub app_version: Option<String>,
    /// The client's stable mark of the machine.
    pub fingerprint: Option<String>,
    /// Its key.
    pub key: NewKey,
    /// A wish for a gateway; the one with the fewest devices otherwise.
    pub gateway_id: Option<GatewayId>,
    /// When it stops being a peer.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Who enrols for whom.
#[derive(Debug, Clone, Copy)]
pub enum ForUser {
    /// The client of a login session: the session becomes the device's.
    Session(UserId, SessionId),
    /// A user or admin on a page: no session belongs to it.
    User(UserId),
}

impl ForUser {
    const fn user(self) -> UserId {
        match self {
            Self::Session(user, _) | Self::User(user) => user,
        }
    }
}

/// An enrolled device.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// Which.
    pub device_id: DeviceId,
    /// The private key where the control plane made it; shown once.
    pub private_key: Option<Secret>,
    /// Whether the device is new; otherwise one that exists got a new key or was simply found.
    pub created: bool,
}

/// What to change of a device.
#[derive(Clone, Default)]
pub struct DeviceChange {
    /// Another name.
    pub name: Option<String>,
    /// Whether it is let in.
    pub enabled: Option<bool>,
    /// Another or no expiry date.
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

/// A checked request.
struct Checked {
    name: String,
    platform: String,
    os_version: Option<String>,
    app_version: Option<String>,
    fingerprint: Option<String>,
    public_key: PublicKey,
    key_origin: KeyOrigin,
    private_key: Option<Secret>,
}

impl Commands {
    /// Enrols a device, or gives the one with the same fingerprint its new key.
    ///
    /// # Errors
    /// `validation_error`, `device_name_taken`, `public_key_taken`, `device_limit`,
    /// `pool_exhausted`, `no_gateway` or `gateway_not_ready`.
    pub async fn enrol_device(
        &self,
        request: &Request,
        for_user: ForUser,
        input: EnrolRequest,
    ) -> Result<Done<Enrolled>, CommandError> {
        let owner = for_user.user();
        let (wish, expires_at) = (input.gateway_id, input.expires_at);
        let checked = self.check(input)?;
        if let Some(id) = self.known_device(owner, &checked).await? {
            return self.reprovision(request, for_user, id, &checked).await;
        }
        let fingerprint_hmac = checked.fingerprint.as_ref().map(|f| self.fingerprint(owner, f));
        let id = DeviceId(self.new_id());
        let reserved: Mutex<Vec<Uuid>> = Mutex::default();
        let outcome = self
            .transact(request, "device", || async {
                let (gateway_id, gateway) = self.choose_gateway(wish).await?;
                let place = self.reserve(gateway_id, &gateway).await?;
                lock(&reserved).push(place.token);
                let addresses = gateway.pool.addresses(place.slot).ok_or_else(|| {
                    DomainError::conflict("pool_exhausted", "the pool has no such address")
                })?;
                let mut plan = Plan::new(Enrolled {
                    device_id: id,
                    private_key: checked.private_key.clone(),
                    created: true,
                });
                let enrolment = Enrolment {
                    owner,
                    name: checked.name.clone(),
                    platform: checked.platform.clone(),
                    os_version: checked.os_version.clone(),
                    app_version: checked.app_version.clone(),
                    fingerprint: checked.fingerprint.clone(),
                    public_key: checked.public_key.clone(),
                    key_origin: checked.key_origin,
                    gateway_id,
                    slot: place.slot,
                    addresses,
                };
                let expiry = expires_at.map(|at| (at, self.now()));
                plan.enrol(id, enrolment, expiry)?;
                plan.hold(Reservation {
                    token: place.token,
                    gateway: gateway_id,
                    slot: place.slot,
                    device: id,
                });
                plan.row(IndexDevice {
                    device_id: id,
                    user_id: owner,
                    gateway_id,
                    fingerprint_hmac: fingerprint_hmac.clone(),
                    limit: self.settings.devices_per_user,
                });
                if let Some((at, _)) = expiry {
                    plan.row(Due { aggregate_type: "device", aggregate_id: id.0, at: Some(at) });
                }
                self.bind(&mut plan, for_user, id).await?;
                Ok(plan)
            })
            .await;
        // A place that was not turned into a held one goes back at once; the held one no longer
        // answers to its token.
        let tokens = std::mem::take(&mut *lock(&reserved));
        let used = usize::from(outcome.is_ok());
        for token in tokens.iter().rev().skip(used) {
            // What stays reserved runs out by itself; the answer follows the commit.
            if let Err(error) = self.store.release_reservation(*token).await {
                tracing::warn!(%error, "a reserved address was not given back");
            }
        }
        // The same request may have been made twice at once, and the other one was first.
        if let Err(CommandError::Domain(DomainError::Conflict { .. })) = &outcome
            && let Some(id) = self.known_device(owner, &checked).await?
        {
            return self.reprovision(request, for_user, id, &checked).await;
        }
        outcome
    }

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

    /// A device of the user that the request is about: by fingerprint, or by its present key.
    async fn known_device(
        &self,
        owner: UserId,
        checked: &Checked,
    ) -> Result<Option<DeviceId>, CommandError> {
        if let Some(fingerprint) = &checked.fingerprint {
            let id: Option<Uuid> = sqlx::query_scalar(
                "SELECT device_id FROM device_index
                 WHERE user_id = $1 AND fingerprint_hmac = $2 ORDER BY device_id LIMIT 1",
            )
            .bind(owner.0)
            .bind(self.fingerprint(owner, fingerprint))
            .fetch_optional(&self.pool)
            .await?;
            if let Some(id) = id {
                return Ok(Some(DeviceId(id)));
            }
        }
        let claim = Claim::public_key(&checked.public_key);
        let Some(holder) = self.claim_holder(&claim).await? else { return Ok(None) };
        let device = self.store.load::<Device>(holder).await?;
        let same = device.state.exists()
            && device.state.owner() == Some(owner)
            && device.state.public_key() == Some(&checked.public_key);
        Ok(same.then_some(DeviceId(holder)))
    }

    async fn reprovision(
        &self,
        request: &Request,
        for_user: ForUser,
        id: DeviceId,
        checked: &Checked,
    ) -> Result<Done<Enrolled>, CommandError> {
        self.transact(request, "device", || async {
            let device = self.store.load::<Device>(id.0).await?;
            let private_key = checked.private_key.clone();
            let mut plan = Plan::new(Enrolled { device_id: id, private_key, created: false });
            let command = DeviceCommand::Reprovision(Reprovision {
                public_key: checked.public_key.clone(),
                key_origin: checked.key_origin,
                os_version: checked.os_version.clone(),
                app_version: checked.app_version.clone(),
            });
            self.plan_device(&mut plan, id, &device, command)?;
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
        let ForUser::Session(_, session_id) = for_user else { return Ok(()) };
        let session = self.store.load::<Session>(session_id.0).await?;
        if plan.decide(session_id.0, &session, SessionCommand::BindDevice(device_id))? {
            plan.row(BindSession { session_id, device_id });
        }
        Ok(())
    }

    fn check(&self, input: EnrolRequest) -> Result<Checked, CommandError> {
        let mut problems = Problems::default();
        let name = problems.check("name", values::label(&input.name));
        let platform = input.platform.as_deref().unwrap_or("unknown");
        let platform = problems.check("platform", values::label(platform));
        let mut text = |field: &str, value: Option<String>, max: usize| {
            let value = value.filter(|v| !v.trim().is_empty())?;
            let short = if value.chars().count() > max {
                Err(format!("must have at most {max} characters"))
            } else {
                values::display_name(&value)
            };
            problems.check(field, short)
        };
        let os_version = text("os_version", input.os_version, 64);
        let app_version = text("app_version", input.app_version, 64);
        let fingerprint = text("device_fingerprint", input.fingerprint, 128);
        let key = match self.key(input.key) {
            Ok(key) => Some(key),
            Err(DomainError::Validation(errors)) => {
                errors.into_iter().for_each(|e| problems.add(e.field, e.message));
                None
            }
            Err(e) => return Err(e.into()),
        };
        problems.finish()?;
        let (Some(name), Some(platform), Some((public_key, key_origin, private_key))) =
            (name, platform, key)
        else {
            return Err(DomainError::field("name", "is required").into());
        };
        Ok(Checked {
            name,
            platform,
            os_version,
            app_version,
            fingerprint,
            public_key,
            key_origin,
            private_key,
        })
    }

    fn key(&self, key: NewKey) -> Result<(PublicKey, KeyOrigin, Option<Secret>), DomainError> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let bad = |why| DomainError::field("public_key", why);
        match key {
            NewKey::Client(text) => {
                Ok((PublicKey::parse(&text).map_err(bad)?, KeyOrigin::Client, None))
            }
            NewKey::Generate => {
                let mut bytes = [0; 32];
                self.random.fill(&mut bytes);
                let private = StaticSecret::from(bytes);
                let public = X25519Public::from(&private);
                let public = PublicKey::from_bytes(public.to_bytes()).map_err(bad)?;
                let private = Secret::new(STANDARD.encode(private.to_bytes()));
                Ok((public, KeyOrigin::Server, Some(private)))
            }
        }
    }

    fn fingerprint(&self, owner: UserId, fingerprint: &str) -> String {
        self.store.keyring().lookup_hmac("fingerprint", &format!("{owner}/{fingerprint}"))
    }

    async fn reserve(
        &self,
        id: GatewayId,
        gateway: &GatewayFields,
    ) -> Result<Reserved, CommandError> {
        let ttl = self.settings.reservation_lifetime;
        let request = SlotRequest {
            gateway: id,
            pool: &gateway.pool,
            wanted: None,
            never: &gateway.dns_servers,
            ttl,
        };
        Ok(self.store.reserve_slot(request).await?)
    }

    /// The wished gateway, or the one with the fewest devices among those with a key.
    async fn choose_gateway(
        &self,
        wish: Option<GatewayId>,
    ) -> Result<(GatewayId, GatewayFields), CommandError> {
        if let Some(id) = wish {
            let gateway = self.store.load::<Gateway>(id.0).await?;
            let Some(fields) = gateway.state.fields() else {
                return Err(DomainError::field("gateway_id", "there is no such gateway").into());
            };
            if gateway.state.public_key().is_none() {
                return Err(not_ready().into());
            }
            return Ok((id, fields.clone()));
        }
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT c.aggregate_id FROM claims c
             WHERE c.kind = $1
             ORDER BY (SELECT count(*) FROM device_index d
                       WHERE d.gateway_id = c.aggregate_id::uuid), c.aggregate_id",
        )
        .bind(ClaimKind::GatewayName.as_str())
        .fetch_all(&self.pool)
        .await?;
        let mut any = false;
        for id in ids.iter().filter_map(|id| id.parse::<GatewayId>().ok()) {
            let gateway = self.store.load::<Gateway>(id.0).await?;
            let Some(fields) = gateway.state.fields() else { continue };
            any = true;
            if gateway.state.public_key().is_some() {
                return Ok((id, fields.clone()));
            }
        }
        Err(if any {
            not_ready()
        } else {
            DomainError::conflict("no_gateway", "there is no gateway yet: an admin creates one")
        }
        .into())
    }

    /// Decides, and notes when the clock process has to look again.
    pub(crate) fn plan_device<T>(
        &self,
        plan: &mut Plan<T>,
        id: DeviceId,
        device: &nexavpn_store::Loaded<Device>,
        command: DeviceCommand,
    ) -> Result<(), CommandError> {
        self.plan_device_commands(plan, id, device, vec![command])
    }

    pub(crate) fn plan_device_commands<T>(
        &self,
        plan: &mut Plan<T>,
        id: DeviceId,
        device: &nexavpn_store::Loaded<Device>,
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

impl Plan<Enrolled> {
    fn enrol(
        &mut self,
        id: DeviceId,
        enrolment: Enrolment,
        expiry: Option<(DateTime<Utc>, DateTime<Utc>)>,
    ) -> Result<(), CommandError> {
        let mut commands = vec![DeviceCommand::Enrol(Box::new(enrolment))];
        commands
            .extend(expiry.map(|(at, now)| DeviceCommand::SetExpiry { expires_at: Some(at), now }));
        self.decide_all::<Device>(id.0, &fresh(), commands)?;
        Ok(())
    }
}

fn not_ready() -> DomainError {
    DomainError::conflict(
        "gateway_not_ready",
        "the gateway has no WireGuard key yet: let its node join first",
    )
}

/// The list behind the lock; a panic elsewhere leaves it usable.
fn lock(list: &Mutex<Vec<Uuid>>) -> std::sync::MutexGuard<'_, Vec<Uuid>> {
    list.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
