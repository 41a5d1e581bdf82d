//! The folded state as it is kept, so that a start need not fold all events again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    DeviceState, Fleet, GatewayState, GroupState, PolicyState, SigningKey, UserState, Witness,
};
use crate::{
    access,
    ids::{DeviceId, GatewayId, GroupId, PolicyId, UserId},
    policy::Policy,
};

/// The facts of a fleet. What follows from them (indexes, access, peers) is worked out anew by
/// [`FleetImage::restore`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetImage {
    idx: i64,
    users: Vec<(UserId, UserState)>,
    groups: Vec<(GroupId, GroupState)>,
    devices: Vec<(DeviceId, DeviceState)>,
    policies: Vec<(PolicyId, Policy, i64)>,
    gateways: Vec<(GatewayId, GatewayState)>,
    signing_keys: Vec<SigningKey>,
}

impl FleetImage {
    /// Names the code that folds. An image that other code has made says nothing about how this
    /// code would have folded.
    pub const FOLD: &str = env!("NEXAVPN_FOLD");

    /// The facts as of now.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        let mut users: Vec<_> = fleet.users.iter().map(|(id, u)| (*id, u.clone())).collect();
        let mut groups: Vec<_> = fleet.groups.iter().map(|(id, g)| (*id, g.clone())).collect();
        users.sort_unstable_by_key(|(id, _)| *id);
        groups.sort_unstable_by_key(|(id, _)| *id);
        let policies = fleet.policies.iter();
        Self {
            idx: fleet.idx,
            users,
            groups,
            devices: fleet.devices.iter().map(|(id, d)| (*id, d.facts())).collect(),
            policies: policies.map(|(id, p)| (*id, p.policy.clone(), p.created_idx)).collect(),
            gateways: fleet.gateways.iter().map(|(id, g)| (*id, g.clone())).collect(),
            signing_keys: fleet.signing_keys.clone(),
        }
    }

    /// The idx of the last event that was folded into it.
    #[must_use]
    pub const fn idx(&self) -> i64 {
        self.idx
    }

    /// The fleet, as if all events up to [`idx`](Self::idx) had just been folded.
    #[must_use]
    pub fn restore(self) -> Fleet {
        let mut fleet = Fleet { idx: self.idx, ..Fleet::default() };
        fleet.signing_keys = self.signing_keys;
        fleet.users.extend(self.users);
        for (id, group) in self.groups {
            for user in &group.members {
                fleet.index.add_member(id, *user);
            }
            fleet.groups.insert(id, group);
        }
        for (id, gateway) in self.gateways {
            let public: Vec<_> =
                gateway.fields.pool.networks().filter(access::is_partly_public).collect();
            if !public.is_empty() {
                fleet.public_pools.insert(id, public);
            }
            fleet.gateways.insert(id, gateway);
        }
        for (id, policy, created_idx) in self.policies {
            let Some(policy) = PolicyState::new(id, policy, created_idx) else { continue };
            if let Some(fields) = policy.policy.fields().filter(|_| policy.policy.in_force()) {
                fleet.index.add_policy(id, &fields.targets);
            }
            fleet.policies.insert(id, policy);
        }
        let ids: Vec<_> = self.devices.iter().map(|(id, _)| *id).collect();
        for (id, device) in self.devices {
            if !device.revoked {
                fleet.index.add_device(id, device.owner, device.gateway_id);
            }
            fleet.devices.insert(id, device);
        }
        for id in ids {
            let peer = fleet.stand(id);
            if let Some(device) = fleet.devices.get_mut(&id) {
                device.peer = peer;
            }
        }
        fleet
    }

    /// A witness of some devices from there on: what [`Witness::of`] the restored fleet would be, of
    /// which nobody else's access needs to be worked out.
    #[must_use]
    pub fn witness(mut self, devices: BTreeSet<DeviceId>) -> Witness {
        self.devices.retain(|(id, _)| devices.contains(id));
        Witness::of(&self.restore(), devices)
    }
}
