//! Devices as they were.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    Event, StoredEvent as _,
    device::{DeviceEvent, KeyOrigin},
    fleet::{DeviceState, Fleet},
    ids::{DeviceId, GatewayId, UserId},
};
use nexavpn_store::{Log, Recorded};
use uuid::Uuid;

use super::{begins, each_stream, gateways, known, users::usernames};
use crate::{ReadError, devices::DeviceRow, owned_devices::OwnedDevice};

/// What says what the fleet does not know of a device.
const TELLING: &[&str] = &[
    "device.enrolled",
    "device.reprovisioned",
    "device.renamed",
    "device.platform_changed",
    "device.owner_changed",
    "device.revoked",
];

/// What the fleet does not know of a device.
#[derive(Default)]
struct Told {
    name: Option<String>,
    platform: String,
    os_version: Option<String>,
    app_version: Option<String>,
    fingerprint: Option<String>,
    key_origin: &'static str,
    key_changed_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

/// The device that these events made, if they are the first ones of a device.
///
/// # Errors
/// Where an event is unknown.
pub fn new_device(events: &[Recorded]) -> Result<Option<OwnedDevice>, ReadError> {
    let (Some(first), Some(last), true) = (events.first(), events.last(), begins(events)) else {
        return Ok(None);
    };
    let Event::Device(id, DeviceEvent::Enrolled { name, public_key, gateway_id, addresses, .. }) =
        known(first)?
    else {
        return Ok(None);
    };
    let mut device = OwnedDevice {
        id: *id,
        name: name.get().map(str::to_owned),
        public_key: public_key.clone(),
        gateway_id: *gateway_id,
        address_v4: addresses.v4.into(),
        active: true,
        expires_at: None,
        created_at: first.effective_time,
        updated_at: last.effective_time,
    };
    for event in events {
        if let Event::Device(_, DeviceEvent::ExpiryChanged { expires_at }) = known(event)? {
            device.expires_at = *expires_at;
        }
    }
    Ok(Some(device))
}

/// These devices as they were where the fleet is, revoked ones among them.
///
/// # Errors
/// Where the database fails or an event is unknown.
pub async fn devices(
    log: &Log,
    fleet: &Fleet,
    ids: &[DeviceId],
) -> Result<HashMap<DeviceId, DeviceRow>, ReadError> {
    let states: Vec<(DeviceId, &DeviceState)> =
        ids.iter().filter_map(|id| Some((*id, fleet.device(*id)?))).collect();
    let owners: BTreeSet<UserId> = states.iter().map(|(_, device)| device.owner).collect();
    let at: BTreeSet<GatewayId> = states.iter().map(|(_, device)| device.gateway_id).collect();
    let owners = usernames(log, &Vec::from_iter(owners), fleet.idx()).await?;
    let at = gateways(log, &Vec::from_iter(at), fleet.idx()).await?;
    let uuids: Vec<Uuid> = states.iter().map(|(id, _)| id.0).collect();
    let kind = DeviceEvent::AGGREGATE_TYPE;
    let newest = log.newest_of(kind, &uuids, fleet.idx()).await?;
    let events = log.streams_of(kind, &uuids, fleet.idx(), TELLING).await?;
    let mut told = HashMap::new();
    for stream in each_stream(&events) {
        let mut one = Told::default();
        let mut of = None;
        for recorded in stream {
            let Event::Device(id, event) = known(recorded)? else { continue };
            of = Some(*id);
            one.fold(recorded, event);
        }
        let created_at = stream.first().map(|event| event.effective_time);
        if let Some((id, created_at)) = of.zip(created_at) {
            told.insert(id, (one, created_at));
        }
    }
    let row = |(id, device): (DeviceId, &DeviceState)| {
        let (told, created_at) = told.remove(&id)?;
        let (version, updated_at) = newest.get(&id.0).copied()?;
        let owner = fleet.user(device.owner);
        let row = DeviceRow {
            id,
            owner_id: device.owner,
            owner_username: owners.get(&device.owner).cloned(),
            name: told.name,
            platform: told.platform,
            os_version: told.os_version,
            app_version: told.app_version,
            fingerprint: told.fingerprint,
            public_key: device.public_key.clone(),
            key_origin: told.key_origin.to_owned(),
            key_changed_at: told.key_changed_at,
            gateway_id: device.gateway_id,
            gateway_name: at.get(&device.gateway_id).map(|one| one.row.fields.name.clone()),
            address_v4: device.addresses.v4.into(),
            address_v6: device.addresses.v6.map(Into::into),
            enabled: device.enabled,
            owner_enabled: owner.is_some_and(|owner| owner.enabled),
            status: device.status().as_str().to_owned(),
            expires_at: device.expires_at,
            rotation_deadline: device.rotation_deadline,
            revoked_at: told.revoked_at,
            version,
            created_at,
            updated_at,
        };
        Some((id, row))
    };
    Ok(states.into_iter().filter_map(row).collect())
}

impl Told {
    fn fold(&mut self, recorded: &Recorded, event: &DeviceEvent) {
        match event {
            DeviceEvent::Enrolled {
                name,
                platform,
                os_version,
                app_version,
                fingerprint,
                key_origin,
                ..
            } => {
                *self = Self {
                    name: name.get().map(str::to_owned),
                    platform: platform.clone(),
                    os_version: os_version.as_ref().and_then(|v| v.get()).map(str::to_owned),
                    app_version: app_version.clone(),
                    fingerprint: fingerprint.as_ref().and_then(|f| f.get()).map(str::to_owned),
                    key_origin: origin(*key_origin),
                    key_changed_at: recorded.effective_time,
                    revoked_at: None,
                };
            }
            DeviceEvent::Reprovisioned { key_origin, os_version, app_version, .. } => {
                self.key_origin = origin(*key_origin);
                self.key_changed_at = recorded.effective_time;
                if let Some(version) = os_version.as_ref().and_then(|v| v.get()) {
                    self.os_version = Some(version.to_owned());
                }
                if let Some(version) = app_version {
                    self.app_version = Some(version.clone());
                }
            }
            DeviceEvent::Renamed { name, .. } => self.name = name.get().map(str::to_owned),
            DeviceEvent::PlatformChanged { platform } => self.platform.clone_from(platform),
            DeviceEvent::OwnerChanged { name, os_version, fingerprint, .. } => {
                self.name = name.get().map(str::to_owned);
                self.os_version = os_version.as_ref().and_then(|v| v.get()).map(str::to_owned);
                self.fingerprint = fingerprint.as_ref().and_then(|f| f.get()).map(str::to_owned);
            }
            DeviceEvent::Revoked { .. } => self.revoked_at = Some(recorded.effective_time),
            DeviceEvent::PresharedKeyChanged { .. }
            | DeviceEvent::AddressChanged { .. }
            | DeviceEvent::GatewayChanged { .. }
            | DeviceEvent::RotationRequested { .. }
            | DeviceEvent::RotationLapsed {}
            | DeviceEvent::Disabled {}
            | DeviceEvent::Enabled {}
            | DeviceEvent::ExpiryChanged { .. }
            | DeviceEvent::Expired {} => {}
        }
    }
}

const fn origin(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::Client => "client",
        KeyOrigin::Server => "server",
    }
}
