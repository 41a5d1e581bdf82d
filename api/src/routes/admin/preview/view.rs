//! A preview as it is answered.

use std::collections::HashMap;

use nexavpn_domain::{
    fleet::DeviceStatus,
    ids::{DeviceId, GatewayId, PolicyId, UserId},
};
use nexavpn_projections::devices::DeviceNames;
use serde::Serialize;
use utoipa::ToSchema;

/// What a change would do. Nothing of it has happened.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Preview {
    /// The number of the last event that it takes into account.
    pub(super) idx: i64,
    /// What would be recorded; nothing where the change changes nothing.
    pub(super) events: Vec<EventCount>,
    /// How many devices it is about.
    pub(super) devices: DeviceTotals,
    /// The devices by what they gain and lose. First those with a device of the caller, then those
    /// of the most devices.
    pub(super) changes: AccessChanges,
    /// The gateways that would get a new revision.
    pub(super) gateways: List<GatewayChange>,
    /// What to think about first.
    pub(super) warnings: Vec<Warning>,
}

/// Events of a kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewEvents)]
pub(super) struct EventCount {
    pub(super) event_type: String,
    pub(super) count: usize,
}

/// How many devices a change is about, and how. One that gains and loses counts twice.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = PreviewTotals)]
pub(super) struct DeviceTotals {
    /// Those with another status, access or profile.
    pub(super) total: usize,
    /// Those that reach something they do not reach now.
    pub(super) gaining: usize,
    /// Those that do not reach something they reach now.
    pub(super) losing: usize,
    /// Those to which policies open something now, and nothing afterwards.
    pub(super) losing_everything: usize,
    /// Those whose profile revision rises.
    pub(super) profile_revisions: usize,
}

/// Some of a list, and how long it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    /// How many there are.
    pub(super) total: usize,
    /// Whether there are more than are shown.
    pub(super) truncated: bool,
}

impl<T> List<T> {
    /// The first of them.
    pub(super) fn first(all: impl IntoIterator<Item = T>, total: usize, shown: usize) -> Self {
        let items: Vec<T> = all.into_iter().take(shown).collect();
        let truncated = items.len() < total;
        Self { items, total, truncated }
    }
}

/// Devices by what they gain and lose.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewChanges)]
pub(super) struct AccessChanges {
    pub(super) items: Vec<AccessChange>,
    /// Whether there are more devices than these.
    pub(super) truncated: bool,
}

/// Devices that gain and lose the same.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewChange)]
pub(super) struct AccessChange {
    pub(super) devices: List<DeviceChange>,
    /// What they reach afterwards only.
    pub(super) gained: List<Destination>,
    /// What they reach now only.
    pub(super) lost: List<Destination>,
}

/// What becomes of a device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewDevice)]
pub(super) struct DeviceChange {
    pub(super) device_id: DeviceId,
    /// Null once erased.
    pub(super) device_name: Option<String>,
    pub(super) user_id: UserId,
    /// Null once erased.
    pub(super) username: Option<String>,
    pub(super) gateway_id: GatewayId,
    /// Null for a device that is new.
    #[schema(value_type = Option<DeviceStatus>)]
    pub(super) status_before: Option<&'static str>,
    #[schema(value_type = DeviceStatus)]
    pub(super) status_after: &'static str,
    /// 0 for a device that is new.
    pub(super) profile_revision_before: i64,
    pub(super) profile_revision_after: i64,
    /// Whether policies open something to it now, and nothing afterwards.
    pub(super) loses_everything: bool,
}

/// Addresses and services that are gained or lost, and who decides about them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewDestination)]
pub(super) struct Destination {
    /// A CIDR.
    pub(super) network: String,
    /// Empty means all.
    pub(super) services: Vec<ServiceView>,
    /// What decides now.
    pub(super) before: Decider,
    /// What decides afterwards.
    pub(super) after: Decider,
}

/// A protocol and its ports.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewService)]
pub(super) struct ServiceView {
    /// A name (`tcp`), a number, or a range of numbers: `0-5`.
    pub(super) protocol: String,
    /// `443` or `8000-8100`; empty means all.
    pub(super) ports: Vec<String>,
}

/// What decides about packets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewDecider)]
pub(super) struct Decider {
    /// `policy`, `built-in:dns`, `default` (no policy matches: denied), or `no_peer`: the gateway
    /// does not know the device.
    pub(super) decided_by: String,
    pub(super) policy: Option<PolicyName>,
}

/// A policy by name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PolicyName {
    pub(super) id: PolicyId,
    pub(super) name: String,
}

/// A gateway that would get a new revision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewGateway)]
pub(super) struct GatewayChange {
    pub(super) gateway_id: GatewayId,
    pub(super) name: String,
    /// The revision that it has now.
    pub(super) revision: i64,
    /// How many of the devices are its own.
    pub(super) devices: usize,
}

/// Something to think about before doing it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewWarning)]
pub(super) struct Warning {
    pub(super) code: WarningCode,
    /// In words.
    pub(super) message: String,
    /// The devices that it is about.
    pub(super) devices: List<DeviceId>,
}

/// The warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PreviewWarningCode)]
pub(super) enum WarningCode {
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
    pub(super) fn shown_devices(&self) -> Vec<DeviceId> {
        let groups = self.changes.items.iter();
        groups.flat_map(|group| &group.devices.items).map(|device| device.device_id).collect()
    }

    /// Adds what people call them.
    pub(super) fn name(&mut self, names: &HashMap<DeviceId, DeviceNames>) {
        for group in &mut self.changes.items {
            for device in &mut group.devices.items {
                if let Some(known) = names.get(&device.device_id) {
                    device.device_name.clone_from(&known.name);
                    device.username.clone_from(&known.username);
                }
            }
        }
    }
}
