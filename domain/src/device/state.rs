//! What decides about a device.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{DeviceCommand, DeviceEvent, KeyOrigin, Reprovision};
use crate::{
    error::DomainError,
    ids::{GatewayId, UserId},
    personal::Personal,
    values::{PskRef, PublicKey, Slot},
};

/// A device's state as folded from the events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Device {
    enrolled: Option<Enrolled>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Enrolled {
    owner: UserId,
    gateway_id: GatewayId,
    name: Personal,
    platform: String,
    os_version: Option<Personal>,
    fingerprint: Option<Personal>,
    /// Whose data the inherited fields are besides the owner's.
    former_owners: Vec<UserId>,
    /// Whether the name came along from the owner before. A fingerprint always did.
    name_inherited: bool,
    slot: Slot,
    public_key: PublicKey,
    key_origin: KeyOrigin,
    psk_ref: Option<PskRef>,
    enabled: bool,
    expires_at: Option<DateTime<Utc>>,
    expired: bool,
    rotation_deadline: Option<DateTime<Utc>>,
    rotation_lapsed: bool,
    revoked: bool,
}

/// What a person sets on a device. Debug would show personal data, so there is none.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceSettings {
    /// What it is called; nothing where that was erased.
    pub name: Personal,
    /// What kind of machine it is.
    pub platform: String,
    /// Whether it is let in.
    pub enabled: bool,
    /// The date after which it is no peer.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Device {
    /// What a person has set; none for an unknown or revoked device.
    #[must_use]
    pub fn settings(&self) -> Option<DeviceSettings> {
        let device = self.enrolled.as_ref().filter(|d| !d.revoked)?;
        Some(DeviceSettings {
            name: device.name.clone(),
            platform: device.platform.clone(),
            enabled: device.enabled,
            expires_at: device.expires_at,
        })
    }

    /// Whose device it is; none for an unknown one.
    #[must_use]
    pub fn owner(&self) -> Option<UserId> {
        self.enrolled.as_ref().map(|d| d.owner)
    }

    /// Its gateway; none for an unknown one.
    #[must_use]
    pub fn gateway_id(&self) -> Option<GatewayId> {
        self.enrolled.as_ref().map(|d| d.gateway_id)
    }

    /// Its place in its gateway's pool; none for an unknown one.
    #[must_use]
    pub fn slot(&self) -> Option<Slot> {
        self.enrolled.as_ref().map(|d| d.slot)
    }

    /// The client's mark of the machine, unless there is none or it was erased.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.enrolled.as_ref()?.fingerprint.as_ref()?.get()
    }

    /// Whether it exists and was not revoked.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.enrolled.as_ref().is_some_and(|d| !d.revoked)
    }

    /// Whether anything can be asked of it.
    ///
    /// # Errors
    /// `not_found` for an unknown device, `device_revoked` for a revoked one.
    pub fn present(&self) -> Result<(), DomainError> {
        match &self.enrolled {
            None => Err(DomainError::not_found("device")),
            Some(device) if device.revoked => Err(revoked()),
            Some(_) => Ok(()),
        }
    }

    /// The present key.
    #[must_use]
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.enrolled.as_ref().map(|d| &d.public_key)
    }

    /// Names its preshared key, if it has one.
    #[must_use]
    pub fn psk_ref(&self) -> Option<PskRef> {
        self.enrolled.as_ref()?.psk_ref
    }

    /// The next moment at which [`DeviceCommand::Expire`] or [`DeviceCommand::LapseRotation`] has
    /// something to do.
    #[must_use]
    pub fn next_tick(&self) -> Option<DateTime<Utc>> {
        let device = self.enrolled.as_ref().filter(|d| !d.revoked)?;
        let expiry = device.expires_at.filter(|_| !device.expired);
        let rotation = device.rotation_deadline.filter(|_| !device.rotation_lapsed);
        expiry.into_iter().chain(rotation).min()
    }

    /// See [`Decider::decide`](crate::Decider::decide).
    ///
    /// # Errors
    /// `not_found` for an unknown device, `device_revoked` for a revoked one.
    pub fn decide(&self, command: DeviceCommand) -> Result<Vec<DeviceEvent>, DomainError> {
        if let DeviceCommand::Enrol(enrolment) = command {
            return self.enrol(*enrolment);
        }
        let Some(device) = &self.enrolled else {
            return Err(DomainError::not_found("device"));
        };
        if device.revoked {
            // Revoking twice is no fault; anything else cannot be done to a revoked device.
            return match command {
                DeviceCommand::Revoke { .. }
                | DeviceCommand::Expire { .. }
                | DeviceCommand::LapseRotation { .. } => Ok(vec![]),
                _ => Err(revoked()),
            };
        }
        Ok(device.decide(command))
    }

    fn enrol(&self, e: super::Enrolment) -> Result<Vec<DeviceEvent>, DomainError> {
        if self.enrolled.is_some() {
            return Err(DomainError::conflict("device_exists", "the device exists already"));
        }
        Ok(vec![DeviceEvent::Enrolled {
            owner: e.owner,
            name: e.name.into(),
            platform: e.platform,
            os_version: e.os_version.map(Into::into),
            app_version: e.app_version,
            fingerprint: e.fingerprint.map(Into::into),
            public_key: e.public_key,
            key_origin: e.key_origin,
            gateway_id: e.gateway_id,
            slot: e.slot,
            addresses: e.addresses,
        }])
    }

    pub(super) fn evolve(&mut self, event: &DeviceEvent) {
        if let DeviceEvent::Enrolled {
            owner,
            name,
            platform,
            os_version,
            app_version: _,
            fingerprint,
            public_key,
            key_origin,
            gateway_id,
            slot,
            addresses: _,
        } = event
        {
            self.enrolled = Some(Enrolled {
                owner: *owner,
                gateway_id: *gateway_id,
                name: name.clone(),
                platform: platform.clone(),
                os_version: os_version.clone(),
                fingerprint: fingerprint.clone(),
                former_owners: vec![],
                name_inherited: false,
                slot: *slot,
                public_key: public_key.clone(),
                key_origin: *key_origin,
                psk_ref: None,
                enabled: true,
                expires_at: None,
                expired: false,
                rotation_deadline: None,
                rotation_lapsed: false,
                revoked: false,
            });
        } else if let Some(device) = &mut self.enrolled {
            device.evolve(event);
        }
    }
}

fn revoked() -> DomainError {
    DomainError::conflict("device_revoked", "the device is revoked: enrol it again")
}

impl Enrolled {
    fn decide(&self, command: DeviceCommand) -> Vec<DeviceEvent> {
        let owner = self.owner;
        match command {
            DeviceCommand::Enrol(_) => vec![],
            DeviceCommand::Reprovision(r) => self.reprovision(r),
            DeviceCommand::SetPresharedKey(psk_ref) if psk_ref == self.psk_ref => vec![],
            DeviceCommand::SetPresharedKey(psk_ref) => {
                vec![DeviceEvent::PresharedKeyChanged { psk_ref }]
            }
            DeviceCommand::Rename(name) => {
                let name = Personal::from(name);
                if name == self.name { vec![] } else { vec![DeviceEvent::Renamed { owner, name }] }
            }
            DeviceCommand::SetPlatform(platform) => {
                if platform == self.platform {
                    vec![]
                } else {
                    vec![DeviceEvent::PlatformChanged { platform }]
                }
            }
            DeviceCommand::ChangeOwner(owner) => self.change_owner(owner),
            DeviceCommand::Move { slot, addresses } => {
                if slot == self.slot {
                    return vec![];
                }
                let gateway_id = self.gateway_id;
                vec![DeviceEvent::AddressChanged { gateway_id, slot, addresses }]
            }
            DeviceCommand::ChangeGateway { gateway_id, slot, addresses } => {
                if gateway_id == self.gateway_id {
                    return vec![];
                }
                vec![DeviceEvent::GatewayChanged { gateway_id, slot, addresses }]
            }
            DeviceCommand::Rotate { deadline } => self.rotate(deadline),
            DeviceCommand::LapseRotation { now } => {
                let due = self.rotation_deadline.is_some_and(|d| d <= now) && !self.rotation_lapsed;
                if due { vec![DeviceEvent::RotationLapsed {}] } else { vec![] }
            }
            DeviceCommand::Disable if self.enabled => vec![DeviceEvent::Disabled {}],
            DeviceCommand::Enable if !self.enabled => vec![DeviceEvent::Enabled {}],
            DeviceCommand::Disable | DeviceCommand::Enable => vec![],
            DeviceCommand::SetExpiry { expires_at, now } => {
                if expires_at == self.expires_at {
                    return vec![];
                }
                let mut events = vec![DeviceEvent::ExpiryChanged { expires_at }];
                if expires_at.is_some_and(|t| t <= now) {
                    events.push(DeviceEvent::Expired {});
                }
                events
            }
            DeviceCommand::Expire { now } => {
                let due = self.expires_at.is_some_and(|t| t <= now) && !self.expired;
                if due { vec![DeviceEvent::Expired {}] } else { vec![] }
            }
            DeviceCommand::Revoke { reason } => {
                vec![DeviceEvent::Revoked { owner, reason: reason.map(Into::into) }]
            }
        }
    }

    /// The earlier deadline stands and a lapsed key stays out: else whoever may rotate (the owner,
    /// or who has the device) could keep an old key alive for ever by asking again.
    fn rotate(&self, deadline: DateTime<Utc>) -> Vec<DeviceEvent> {
        let deadline = self.rotation_deadline.map_or(deadline, |d| d.min(deadline));
        let mut events = vec![DeviceEvent::RotationRequested { deadline }];
        if self.rotation_lapsed {
            events.push(DeviceEvent::RotationLapsed {});
        }
        events
    }

    fn change_owner(&self, owner: UserId) -> Vec<DeviceEvent> {
        if owner == self.owner {
            return vec![];
        }
        // Where one of those who had it before was erased, what is still readable is not theirs.
        let readable = |field: &Option<Personal>| field.as_ref().is_some_and(|f| f.get().is_some());
        let inherited =
            self.name_inherited && self.name.get().is_some() || readable(&self.fingerprint);
        let mut former_owners = if inherited { self.former_owners.clone() } else { vec![] };
        former_owners.retain(|o| *o != owner);
        former_owners.push(self.owner);
        // Otherwise nobody could tell whose it is; the client says it again.
        let os_version = self.os_version.clone();
        let os_version = os_version.filter(|_| inherited || self.former_owners.is_empty());
        vec![DeviceEvent::OwnerChanged {
            owner,
            former_owners,
            name: self.name.clone(),
            os_version,
            fingerprint: self.fingerprint.clone(),
        }]
    }

    fn reprovision(&self, r: Reprovision) -> Vec<DeviceEvent> {
        if r.public_key == self.public_key {
            return vec![];
        }
        vec![DeviceEvent::Reprovisioned {
            owner: self.owner,
            public_key: r.public_key,
            key_origin: r.key_origin,
            os_version: r.os_version.map(Into::into),
            app_version: r.app_version,
        }]
    }

    fn evolve(&mut self, event: &DeviceEvent) {
        match event {
            DeviceEvent::Enrolled { .. } => {}
            DeviceEvent::Reprovisioned { public_key, key_origin, os_version, .. } => {
                if os_version.is_some() {
                    self.os_version.clone_from(os_version);
                }
                self.public_key = public_key.clone();
                self.key_origin = *key_origin;
                self.rotation_deadline = None;
                self.rotation_lapsed = false;
            }
            DeviceEvent::PresharedKeyChanged { psk_ref } => self.psk_ref = *psk_ref,
            DeviceEvent::Renamed { name, .. } => {
                self.name = name.clone();
                self.name_inherited = false;
            }
            DeviceEvent::PlatformChanged { platform } => self.platform.clone_from(platform),
            DeviceEvent::OwnerChanged { owner, former_owners, name, os_version, fingerprint } => {
                self.owner = *owner;
                self.former_owners.clone_from(former_owners);
                self.name = name.clone();
                self.os_version.clone_from(os_version);
                self.fingerprint.clone_from(fingerprint);
                self.name_inherited = true;
            }
            DeviceEvent::AddressChanged { slot, .. } => self.slot = *slot,
            DeviceEvent::GatewayChanged { gateway_id, slot, .. } => {
                self.gateway_id = *gateway_id;
                self.slot = *slot;
            }
            DeviceEvent::RotationRequested { deadline } => {
                self.rotation_deadline = Some(*deadline);
                self.rotation_lapsed = false;
            }
            DeviceEvent::RotationLapsed {} => self.rotation_lapsed = true,
            DeviceEvent::Disabled {} => self.enabled = false,
            DeviceEvent::Enabled {} => self.enabled = true,
            DeviceEvent::ExpiryChanged { expires_at } => {
                self.expires_at = *expires_at;
                self.expired = false;
            }
            DeviceEvent::Expired {} => self.expired = true,
            DeviceEvent::Revoked { .. } => self.revoked = true,
        }
    }
}
