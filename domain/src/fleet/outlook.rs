//! What a change would do: the events are applied to an excerpt, and both are compared. What has
//! changed between two moments is told the same way. What follows later is in `ahead.rs`.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};

use super::{Compiled, DeviceState, DeviceStatus, Fleet, GatewayState, PolicyState, ahead::Due};
use crate::{
    event::Event,
    ids::{DeviceId, GatewayId, PolicyId, UserId},
};

/// What some events would do to the fleet, had they happened.
#[derive(Debug)]
pub struct Outlook {
    /// The part of the fleet that they are about, as it is.
    pub(super) present: Arc<Fleet>,
    /// The same before the events; the present where they would happen at once.
    pub(super) before: Arc<Fleet>,
    /// The same as it would be.
    pub(super) after: Arc<Fleet>,
    /// What the clock does later to what the events are about, if they do not happen.
    pub(super) due_anyway: Due,
    /// The same if they do.
    pub(super) due: Due,
    /// The devices whose status, access, peer or profile would be another one, by id.
    pub devices: BTreeMap<DeviceId, DeviceOutlook>,
    /// The gateways whose bundle would be another one, as they would be.
    pub gateways: BTreeMap<GatewayId, GatewayState>,
}

/// What would become of a device.
#[derive(Debug, Clone)]
pub struct DeviceOutlook {
    /// As it was before; none for a new one.
    pub before: Option<DeviceState>,
    /// As it would be.
    pub after: DeviceState,
}

impl Outlook {
    /// Tries the events out, in their order, at this time. Nothing happens to the fleet itself.
    #[must_use]
    pub fn of(fleet: &Fleet, events: &[Event], time: DateTime<Utc>) -> Self {
        Self::try_out(fleet.excerpt(events), events, time)
    }

    /// The same, with an excerpt that was taken for these events.
    #[must_use]
    pub fn try_out(excerpt: Fleet, events: &[Event], time: DateTime<Utc>) -> Self {
        let mut after = excerpt.clone();
        after.go_on(time, events);
        let (due_anyway, due) = (excerpt.due(events), after.due(events));
        Self { due_anyway, due, ..Self::between(Arc::new(excerpt), Arc::new(after)) }
    }

    /// What lies between a fleet and the same one later.
    #[must_use]
    pub fn between(before: Arc<Fleet>, after: Arc<Fleet>) -> Self {
        let changed = |(id, device): (&DeviceId, &DeviceState)| {
            let was = before.devices.get(id);
            let as_before = was.is_some_and(|was| {
                was.status() == device.status()
                    && was.peer == device.peer
                    && was.profile_revision == device.profile_revision
                    && was.compiled == device.compiled
            });
            let outlook = || DeviceOutlook { before: was.cloned(), after: device.clone() };
            (!as_before).then(|| (*id, outlook()))
        };
        let devices = after.devices.iter().filter_map(changed).collect();
        let revised = after.gateways.iter().filter(|(_, gateway)| gateway.revision > before.idx);
        let gateways = revised.map(|(id, gateway)| (*id, gateway.clone())).collect();
        let (present, due_anyway, due) = (Arc::clone(&before), Due::new(), Due::new());
        Self { present, before, after, due_anyway, due, devices, gateways }
    }

    /// The idx of the last event that has happened.
    #[must_use]
    pub fn idx(&self) -> i64 {
        self.present.idx()
    }

    /// A gateway as it is.
    #[must_use]
    pub fn gateway_now(&self, id: GatewayId) -> Option<&GatewayState> {
        self.present.gateway(id)
    }

    /// What a device reaches as it is; none where it is no peer.
    #[must_use]
    pub fn access_now(&self, id: DeviceId) -> Option<&Arc<Compiled>> {
        Some(&self.present.device(id)?.peer()?.compiled)
    }

    /// A policy as it was before.
    #[must_use]
    pub fn policy_before(&self, id: PolicyId) -> Option<&PolicyState> {
        self.before.policy(id)
    }

    /// A policy as it would be.
    #[must_use]
    pub fn policy_after(&self, id: PolicyId) -> Option<&PolicyState> {
        self.after.policy(id)
    }
}

impl DeviceOutlook {
    /// Whose it would be.
    #[must_use]
    pub const fn owner(&self) -> UserId {
        self.after.owner
    }

    /// Whether it is somebody's, now or then.
    #[must_use]
    pub fn belongs_to(&self, user: UserId) -> bool {
        self.after.owner == user || self.before.as_ref().is_some_and(|d| d.owner == user)
    }

    /// What it reaches; none while it is no peer.
    #[must_use]
    pub fn access_before(&self) -> Option<&Arc<Compiled>> {
        Some(&self.before.as_ref()?.peer()?.compiled)
    }

    /// What it would reach; none where it would be no peer.
    #[must_use]
    pub fn access_after(&self) -> Option<&Arc<Compiled>> {
        Some(&self.after.peer()?.compiled)
    }

    /// Why it is a peer or not, now and then.
    #[must_use]
    pub fn status(&self) -> (Option<DeviceStatus>, DeviceStatus) {
        (self.before.as_ref().map(DeviceState::status), self.after.status())
    }

    /// The number of its profile, now (0 for a new device) and then.
    #[must_use]
    pub fn profile_revision(&self) -> (i64, i64) {
        (self.before.as_ref().map_or(0, |d| d.profile_revision), self.after.profile_revision)
    }

    /// Whether policies open something to it now and nothing afterwards.
    #[must_use]
    pub fn loses_everything(&self) -> bool {
        let opens = |access: Option<&Arc<Compiled>>| access.is_some_and(|a| a.opens_anything());
        opens(self.access_before()) && !opens(self.access_after())
    }
}
