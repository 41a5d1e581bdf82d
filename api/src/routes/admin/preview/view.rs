//! A preview as it is answered.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    fleet::DeviceStatus,
    ids::{DeviceId, GatewayId, PolicyId, UserId},
};
use nexavpn_projections::devices::DeviceNames;
use serde::Serialize;
use utoipa::ToSchema;

/// What a change would do. Nothing of it has happened.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes::admin) struct Preview {
    /// The number of the last event that it takes into account.
    pub(in crate::routes::admin) idx: i64,
    /// What would be recorded; nothing where the change changes nothing.
    pub(in crate::routes::admin) events: Vec<EventCount>,
    /// How many devices it is about.
    pub(in crate::routes::admin) devices: DeviceTotals,
    /// The devices by what they gain and lose. First those with a device of the caller, then those
    /// of the most devices.
    pub(in crate::routes::admin) changes: AccessChanges,
    /// The gateways that would get a new revision.
    pub(in crate::routes::admin) gateways: List<GatewayChange>,
    /// What to think about first.
    pub(in crate::routes::admin) warnings: Vec<Warning>,
    /// What it would bring later, one moment after the other: the policies and devices that it
    /// changes may begin to count or expire by the clock. All the rest is taken to stay as it is;
    /// what is disabled is left out. At most ten moments.
    pub(in crate::routes::admin) later: List<Later>,
}

/// What a change would bring at a later moment, after all that was before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewLater)]
pub(in crate::routes::admin) struct Later {
    /// When.
    pub(in crate::routes::admin) at: DateTime<Utc>,
    /// What the clock would record: `policy.activated`, `policy.expired`, `device.expired` or
    /// `device.rotation_lapsed`.
    pub(in crate::routes::admin) events: Vec<EventCount>,
    /// How many devices it is about.
    pub(in crate::routes::admin) devices: DeviceTotals,
    /// The devices by what they gain and lose then.
    pub(in crate::routes::admin) changes: AccessChanges,
    /// The gateways that would get a new revision.
    pub(in crate::routes::admin) gateways: List<GatewayChange>,
    /// What to think about first: of what is lost then, only where there is more now.
    pub(in crate::routes::admin) warnings: Vec<Warning>,
}

/// Events of a kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewEvents)]
pub(in crate::routes::admin) struct EventCount {
    pub(in crate::routes::admin) event_type: String,
    pub(in crate::routes::admin) count: usize,
}

/// How many devices a change is about, and how. One that gains and loses counts twice.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = PreviewTotals)]
pub(in crate::routes::admin) struct DeviceTotals {
    /// Those with another status, access or profile.
    pub(in crate::routes::admin) total: usize,
    /// Those that reach something which they did not reach before.
    pub(in crate::routes::admin) gaining: usize,
    /// Those that do not reach something which they reached before.
    pub(in crate::routes::admin) losing: usize,
    /// Those to which policies opened something before, and nothing afterwards.
    pub(in crate::routes::admin) losing_everything: usize,
    /// Those whose profile revision rises.
    pub(in crate::routes::admin) profile_revisions: usize,
}

/// Some of a list, and how long it is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes::admin) struct List<T> {
    pub(in crate::routes::admin) items: Vec<T>,
    /// How many there are.
    pub(in crate::routes::admin) total: usize,
    /// Whether there are more than are shown.
    pub(in crate::routes::admin) truncated: bool,
}

impl<T> List<T> {
    /// The first of them.
    pub(in crate::routes::admin) fn first(
        all: impl IntoIterator<Item = T>,
        total: usize,
        shown: usize,
    ) -> Self {
        let items: Vec<T> = all.into_iter().take(shown).collect();
        let truncated = items.len() < total;
        Self { items, total, truncated }
    }
}

/// Devices by what they gain and lose.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewChanges)]
pub(in crate::routes::admin) struct AccessChanges {
    pub(in crate::routes::admin) items: Vec<AccessChange>,
    /// Whether there are more devices than these.
    pub(in crate::routes::admin) truncated: bool,
}

/// Devices that gain and lose the same.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewChange)]
pub(in crate::routes::admin) struct AccessChange {
    pub(in crate::routes::admin) devices: List<DeviceChange>,
    /// What they reach afterwards only.
    pub(in crate::routes::admin) gained: List<Destination>,
    /// What they reached before only.
    pub(in crate::routes::admin) lost: List<Destination>,
}

/// What becomes of a device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewDevice)]
pub(in crate::routes::admin) struct DeviceChange {
    pub(in crate::routes::admin) device_id: DeviceId,
    /// Null once erased.
    pub(in crate::routes::admin) device_name: Option<String>,
    pub(in crate::routes::admin) user_id: UserId,
    /// Null once erased.
    pub(in crate::routes::admin) username: Option<String>,
    pub(in crate::routes::admin) gateway_id: GatewayId,
    /// Null for a device that is new.
    #[schema(value_type = Option<DeviceStatus>)]
    pub(in crate::routes::admin) status_before: Option<&'static str>,
    #[schema(value_type = DeviceStatus)]
    pub(in crate::routes::admin) status_after: &'static str,
    /// 0 for a device that is new.
    pub(in crate::routes::admin) profile_revision_before: i64,
    pub(in crate::routes::admin) profile_revision_after: i64,
    /// Whether policies opened something to it before, and nothing afterwards.
    pub(in crate::routes::admin) loses_everything: bool,
}

/// Addresses and services that are gained or lost, and who decides about them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewDestination)]
pub(in crate::routes::admin) struct Destination {
    /// A CIDR.
    pub(in crate::routes::admin) network: String,
    /// Empty means all.
    pub(in crate::routes::admin) services: Vec<ServiceView>,
    /// What decided before.
    pub(in crate::routes::admin) before: Decider,
    /// What decides afterwards.
    pub(in crate::routes::admin) after: Decider,
}

/// A protocol and its ports.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewService)]
pub(in crate::routes::admin) struct ServiceView {
    /// A name (`tcp`), a number, or a range of numbers: `0-5`.
    pub(in crate::routes::admin) protocol: String,
    /// `443` or `8000-8100`; empty means all.
    pub(in crate::routes::admin) ports: Vec<String>,
}

/// What decides about packets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewDecider)]
pub(in crate::routes::admin) struct Decider {
    /// `policy`, `built-in:dns`, `default` (no policy matches: denied), or `no_peer`: the gateway
    /// does not know the device.
    pub(in crate::routes::admin) decided_by: String,
    pub(in crate::routes::admin) policy: Option<PolicyName>,
}

/// A policy by name.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes::admin) struct PolicyName {
    pub(in crate::routes::admin) id: PolicyId,
    pub(in crate::routes::admin) name: String,
}

/// A gateway that would get a new revision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewGateway)]
pub(in crate::routes::admin) struct GatewayChange {
    pub(in crate::routes::admin) gateway_id: GatewayId,
    pub(in crate::routes::admin) name: String,
    /// The revision that it has now.
    pub(in crate::routes::admin) revision: i64,
    /// How many of the devices are its own.
    pub(in crate::routes::admin) devices: usize,
}

/// Something to think about before doing it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewWarning)]
pub(in crate::routes::admin) struct Warning {
    pub(in crate::routes::admin) code: WarningCode,
    /// In words.
    pub(in crate::routes::admin) message: String,
    /// The devices that it is about.
    pub(in crate::routes::admin) devices: List<DeviceId>,
}

/// The warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PreviewWarningCode)]
pub(in crate::routes::admin) enum WarningCode {
    /// The caller's own account would be closed.
    OwnAccountClosed,
    /// The caller's request came through a device that would reach less.
    OwnConnectionAtRisk,
    /// One of the caller's devices would reach less.
    OwnAccessLost,
    /// Some devices would reach nothing any more.
    EverythingLost,
}

impl Preview {
    /// The devices that it shows.
    pub(in crate::routes::admin) fn shown_devices(&self) -> Vec<DeviceId> {
        let later = self.later.items.iter().map(|later| &later.changes);
        later.chain([&self.changes]).flat_map(AccessChanges::shown_devices).collect()
    }

    /// Adds what people call them.
    pub(in crate::routes::admin) fn name(&mut self, names: &HashMap<DeviceId, DeviceNames>) {
        let later = self.later.items.iter_mut().map(|later| &mut later.changes);
        later.chain([&mut self.changes]).for_each(|changes| changes.name(names));
    }
}

impl AccessChanges {
    /// The devices that it shows.
    pub(in crate::routes::admin) fn shown_devices(&self) -> Vec<DeviceId> {
        let groups = self.items.iter();
        groups.flat_map(|group| &group.devices.items).map(|device| device.device_id).collect()
    }

    /// Adds what people call them.
    pub(in crate::routes::admin) fn name(&mut self, names: &HashMap<DeviceId, DeviceNames>) {
        for group in &mut self.items {
            for device in &mut group.devices.items {
                if let Some(known) = names.get(&device.device_id) {
                    device.device_name.clone_from(&known.name);
                    device.username.clone_from(&known.username);
                }
            }
        }
    }
}
