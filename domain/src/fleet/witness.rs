//! A few devices through the course of time: what is decided about them after each event, without
//! evaluating anybody else, and nothing before it is asked for.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{DeviceState, DeviceStatus, Fleet, apply::device_fact};
use crate::{
    access::Access,
    device::DeviceEvent,
    event::Event,
    group::GroupEvent,
    ids::{DeviceId, UserId},
};

/// Some devices, and of the fleet what decides about them. It only needs to be told the events
/// that [concern](Witness::concerns) them, each under its number.
#[derive(Debug)]
pub struct Witness {
    followed: BTreeSet<DeviceId>,
    devices: BTreeMap<DeviceId, DeviceState>,
    /// Without any device.
    rest: Fleet,
}

impl Witness {
    /// Follows some devices from before the first event on.
    #[must_use]
    pub fn new(devices: BTreeSet<DeviceId>) -> Self {
        Self { followed: devices, devices: BTreeMap::new(), rest: Fleet::default() }
    }

    /// Follows some devices from where a fleet is.
    #[must_use]
    pub fn of(fleet: &Fleet, devices: BTreeSet<DeviceId>) -> Self {
        let facts = |id: &DeviceId| Some((*id, fleet.devices.get(id)?.facts()));
        let rest = Fleet {
            idx: fleet.idx,
            users: fleet.users.clone(),
            groups: fleet.groups.clone(),
            policies: fleet.policies.clone(),
            gateways: fleet.gateways.clone(),
            public_pools: fleet.public_pools.clone(),
            index: fleet.index.without_devices(),
            ..Fleet::default()
        };
        Self { devices: devices.iter().filter_map(facts).collect(), followed: devices, rest }
    }

    /// Whether an event can concern these devices, which have or had these owners. Of an event
    /// that does not, nobody has to tell a witness.
    #[must_use]
    pub fn concerns(
        event: &Event,
        devices: &BTreeSet<DeviceId>,
        owners: &BTreeSet<UserId>,
    ) -> bool {
        match event {
            Event::Device(id, _) => devices.contains(id),
            Event::User(id, _) => owners.contains(id),
            Event::Group(
                _,
                GroupEvent::MemberAdded { user_id } | GroupEvent::MemberRemoved { user_id },
            ) => owners.contains(user_id),
            Event::Group(
                _,
                GroupEvent::Created { .. } | GroupEvent::Restored { .. } | GroupEvent::Deleted {},
            )
            | Event::Policy(..)
            | Event::Gateway(..) => true,
            Event::Group(_, GroupEvent::Renamed { .. } | GroupEvent::DescriptionChanged { .. })
            | Event::Session(..)
            | Event::Security(..)
            | Event::Webhook(..) => false,
        }
    }

    /// Whom an event of a device names as its owner.
    #[must_use]
    pub const fn owner_named(event: &Event) -> Option<UserId> {
        match event {
            Event::Device(
                _,
                DeviceEvent::Enrolled { owner, .. } | DeviceEvent::OwnerChanged { owner, .. },
            ) => Some(*owner),
            _ => None,
        }
    }

    /// Goes on to an event.
    pub fn apply(&mut self, idx: i64, time: DateTime<Utc>, event: &Event) {
        let Event::Device(id, event) = event else {
            // There are no devices to be evaluated.
            self.rest.apply(idx, time, event);
            return;
        };
        self.rest.idx = idx;
        if !self.followed.contains(id) {
            return;
        }
        if let Some(device) = DeviceState::enrolled(event) {
            self.devices.insert(*id, device);
        } else if let Some(device) = self.devices.get_mut(id) {
            device_fact(device, event);
        }
    }

    /// A device's facts, and whether it is let in; none before it was enrolled.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<(&DeviceState, DeviceStatus)> {
        let device = self.devices.get(&id)?;
        let owner = self.rest.users.get(&device.owner);
        Some((device, device.status_of(owner.is_some_and(|owner| owner.enabled))))
    }

    /// What decides about a device; none while it is no peer.
    #[must_use]
    pub fn access(&self, id: DeviceId) -> Option<Access> {
        let (device, status) = self.device(id)?;
        let gateway = self.rest.gateways.get(&device.gateway_id)?;
        if status != DeviceStatus::Active {
            return None;
        }
        let ids = self.rest.index.policies_for(id, device.owner);
        let around = self.rest.surroundings(device.gateway_id, gateway);
        Some(Access::new(self.rest.rules(&ids), around))
    }
}
