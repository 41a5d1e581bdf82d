//! The state of the whole, folded from the stream: which device is a peer of which gateway, with
//! which access.
//!
//! Everything that asks "who may reach what" answers from here, so that bundles, profiles, preview,
//! explanations and answers about the past come from the same code. An event re-evaluates only the
//! devices that it can concern.

mod ahead;
mod apply;
mod bound;
mod client_profile;
mod compiled;
mod excerpt;
mod image;
mod index;
mod outlook;
mod state;
#[cfg(test)]
mod tests;
mod witness;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;

use crate::{
    access::{Access, Rule, Surroundings},
    device::Enrolment,
    ids::{DeviceId, GatewayId, GroupId, PolicyId, UserId},
};

pub use ahead::{Later, Oversized};
pub use client_profile::{ClientProfile, NextGatewayKey};
pub use compiled::Compiled;
pub use image::FleetImage;
pub use outlook::{DeviceOutlook, Outlook};
pub use state::{
    DeviceState, DeviceStatus, GatewayState, GroupState, Peer, PolicyState, SigningKey, UserState,
};
pub use witness::Witness;

use compiled::CompiledCache;
use index::Index;

/// What one event did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Gateways whose bundle is another one now.
    pub gateways: BTreeSet<GatewayId>,
    /// Devices whose peer or access changed.
    pub devices: BTreeSet<DeviceId>,
}

/// The folded state. Holds no personal data.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    idx: i64,
    users: HashMap<UserId, UserState>,
    groups: HashMap<GroupId, GroupState>,
    devices: BTreeMap<DeviceId, DeviceState>,
    policies: BTreeMap<PolicyId, PolicyState>,
    gateways: BTreeMap<GatewayId, GatewayState>,
    /// The tunnel networks with public addresses in them: no full tunnel opens them, whichever
    /// gateway they belong to.
    public_pools: BTreeMap<GatewayId, Vec<IpNetwork>>,
    index: Index,
    compiled: CompiledCache,
    signing_keys: Vec<SigningKey>,
}

impl Fleet {
    /// The idx of the last event folded; 0 before the first.
    #[must_use]
    pub const fn idx(&self) -> i64 {
        self.idx
    }

    /// How many things it is about, which is what it costs to keep or to fold anew.
    #[must_use]
    pub fn size(&self) -> usize {
        let Self { users, groups, devices, policies, gateways, .. } = self;
        users.len() + groups.len() + devices.len() + policies.len() + gateways.len()
    }

    /// The id of the key that signs bundles, once one was introduced.
    #[must_use]
    pub fn signing_key(&self) -> Option<&str> {
        self.signing_keys.last().map(|key| key.id.as_str())
    }

    /// All keys that have signed bundles, the oldest first, each signed by the one before it.
    #[must_use]
    pub fn signing_keys(&self) -> &[SigningKey] {
        &self.signing_keys
    }

    /// A gateway that was not deleted.
    #[must_use]
    pub fn gateway(&self, id: GatewayId) -> Option<&GatewayState> {
        self.gateways.get(&id)
    }

    /// All users that were not deleted, in no order.
    pub fn users(&self) -> impl Iterator<Item = (UserId, &UserState)> {
        self.users.iter().map(|(id, user)| (*id, user))
    }

    /// All groups that were not deleted, in no order.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, &GroupState)> {
        self.groups.iter().map(|(id, group)| (*id, group))
    }

    /// All devices by id, revoked ones among them.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceId, &DeviceState)> {
        self.devices.iter().map(|(id, device)| (*id, device))
    }

    /// All policies that were not deleted, by id.
    pub fn policies(&self) -> impl Iterator<Item = (PolicyId, &PolicyState)> {
        self.policies.iter().map(|(id, policy)| (*id, policy))
    }

    /// All gateways that were not deleted, by id.
    pub fn gateways(&self) -> impl Iterator<Item = (GatewayId, &GatewayState)> {
        self.gateways.iter().map(|(id, g)| (*id, g))
    }

    /// A device, also a revoked one.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&DeviceState> {
        self.devices.get(&id)
    }

    /// The devices of a gateway that were not revoked, by id.
    pub fn devices_of_gateway(
        &self,
        id: GatewayId,
    ) -> impl Iterator<Item = (DeviceId, &DeviceState)> {
        self.index.of_gateway(id).filter_map(|d| Some((d, self.devices.get(&d)?)))
    }

    /// The gateway that a new device goes to: the wished one, or the one with the fewest devices that
    /// has the wished address in its pool. `None` where it has no key or is drained.
    #[must_use]
    pub fn gateway_for_new(
        &self,
        wish: Option<GatewayId>,
        address: Option<IpAddr>,
    ) -> Option<(GatewayId, &GatewayState)> {
        let open = |g: &GatewayState| g.keys.in_force().is_some() && !g.drained;
        if let Some(id) = wish {
            return self.gateway(id).filter(|gateway| open(gateway)).map(|gateway| (id, gateway));
        }
        let has = |g: &GatewayState| address.is_none_or(|ip| g.fields.pool.slot_of(ip).is_some());
        let fitting = self.gateways().filter(|(_, gateway)| open(gateway) && has(gateway));
        fitting.min_by_key(|(id, _)| (self.index.load(*id), *id))
    }

    /// The devices of a user that were not revoked, by id.
    pub fn devices_of_user(&self, id: UserId) -> impl Iterator<Item = (DeviceId, &DeviceState)> {
        self.index.of_user(id).filter_map(|d| Some((d, self.devices.get(&d)?)))
    }

    /// A user that was not deleted.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&UserState> {
        self.users.get(&id)
    }

    /// A group that was not deleted.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&GroupState> {
        self.groups.get(&id)
    }

    /// A policy that was not deleted.
    #[must_use]
    pub fn policy(&self, id: PolicyId) -> Option<&PolicyState> {
        self.policies.get(&id)
    }

    /// The places, from 1, of some policies among all that are in force, in the order in which the
    /// evaluator asks them. Those that are not in force have none.
    #[must_use]
    pub fn policy_ranks(&self, ids: &[PolicyId]) -> BTreeMap<PolicyId, usize> {
        let in_force = |id: &PolicyId| self.policies.get(id).filter(|p| p.policy.in_force());
        let mut wanted: Vec<_> =
            ids.iter().filter_map(|id| Some(in_force(id)?.rule.order())).collect();
        wanted.sort_unstable();
        wanted.dedup();
        // How many come after the wanted one before, and not after this one.
        let mut between = vec![0_usize; wanted.len()];
        for policy in self.policies.values().filter(|p| p.policy.in_force()) {
            let order = policy.rule.order();
            let next = wanted.partition_point(|one| *one < order);
            if let Some(count) = between.get_mut(next) {
                *count += 1;
            }
        }
        let places = between.into_iter().scan(0, |place, count| {
            *place += count;
            Some(*place)
        });
        wanted.into_iter().map(|(_, _, _, id)| id).zip(places).collect()
    }

    /// The evaluator for a device: its rules in order and what of its gateway matters. `None` for
    /// an unknown device or gateway. Whether the device is a peer at all is
    /// [`DeviceState::peer`].
    #[must_use]
    pub fn access(&self, id: DeviceId) -> Option<Access> {
        let device = self.devices.get(&id)?;
        let gateway = self.gateways.get(&device.gateway_id)?;
        let ids = self.index.policies_for(id, device.owner);
        Some(Access::new(self.rules(&ids), self.surroundings(device.gateway_id, gateway)))
    }

    /// The evaluated access of a device, shared with all devices that have the same rules.
    #[must_use]
    pub fn compiled(&self, id: DeviceId) -> Option<Arc<Compiled>> {
        self.devices.get(&id)?.compiled.clone()
    }

    /// What the device's WireGuard profile says; `None` for an unknown or revoked device, and
    /// while its gateway has no key.
    #[must_use]
    pub fn client_profile(&self, id: DeviceId) -> Option<ClientProfile> {
        let device = self.devices.get(&id)?;
        let gateway = self.gateways.get(&device.gateway_id)?;
        ClientProfile::new(device, gateway)
    }

    /// What the WireGuard profile of a device that is about to be enrolled will say, unless something
    /// else changes before that; `None` where it is not known yet.
    #[must_use]
    pub fn client_profile_ahead(
        &self,
        id: DeviceId,
        enrolment: &Enrolment,
        preshared: bool,
    ) -> Option<ClientProfile> {
        let gateway = self.gateways.get(&enrolment.gateway_id)?;
        let rules = self.index.policies_for(id, enrolment.owner);
        let access = self.compiled.get(enrolment.gateway_id, &rules)?;
        ClientProfile::of(enrolment.addresses, preshared, &access, gateway)
    }

    /// What of its gateway, and of the others, matters to a device's access.
    fn surroundings(&self, id: GatewayId, gateway: &GatewayState) -> Surroundings {
        let mut around = Surroundings::of(&gateway.fields);
        let others = self.public_pools.iter().filter(|(other, _)| **other != id);
        around.tunnel_networks.extend(others.flat_map(|(_, networks)| networks));
        around
    }

    fn rules(&self, ids: &[PolicyId]) -> Vec<Arc<Rule>> {
        ids.iter().filter_map(|id| self.policies.get(id).map(|p| Arc::clone(&p.rule))).collect()
    }
}

/// When something happened: idx and effective time of the event being folded.
#[derive(Debug, Clone, Copy)]
struct Moment {
    idx: i64,
    time: DateTime<Utc>,
}
