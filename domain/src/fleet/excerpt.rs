//! The part of the fleet that some events are about.

use std::collections::{BTreeSet, HashMap};

use super::{Fleet, compiled::CompiledCache, index::Index};
use crate::{
    device::DeviceEvent,
    event::Event,
    group::GroupEvent,
    ids::{DeviceId, GatewayId, GroupId, PolicyId, UserId},
    policy::PolicyEvent,
    values::Target,
};

/// What events name or can concern.
#[derive(Debug, Default)]
struct Concerned {
    devices: BTreeSet<DeviceId>,
    users: BTreeSet<UserId>,
    groups: BTreeSet<GroupId>,
    policies: BTreeSet<PolicyId>,
    gateways: BTreeSet<GatewayId>,
}

impl Fleet {
    /// A fleet in which these events do exactly what they would do in this one, and so does the
    /// clock afterwards with what they are about, and which is no larger than that needs: a change
    /// that is about few devices is tried out at their cost.
    #[must_use]
    pub fn excerpt(&self, events: &[Event]) -> Self {
        match self.concerned(events) {
            // Where it is about most of them, taking it apart is not worth it.
            Some(concerned) if 2 * concerned.devices.len() <= self.devices.len() => {
                self.part(concerned)
            }
            Some(_) | None => self.clone(),
        }
    }

    /// None where that may be anybody.
    fn concerned(&self, events: &[Event]) -> Option<Concerned> {
        let mut found = Concerned::default();
        for event in events {
            match event {
                Event::User(id, _) => {
                    found.users.insert(*id);
                    found.devices.extend(self.index.of_user(*id));
                }
                Event::Group(id, event) => self.concerned_by_group(*id, event, &mut found),
                Event::Device(id, event) => {
                    found.devices.insert(*id);
                    if let DeviceEvent::Enrolled { owner, gateway_id, .. } = event {
                        found.users.insert(*owner);
                        found.gateways.insert(*gateway_id);
                    }
                    if let DeviceEvent::OwnerChanged { owner, .. } = event {
                        found.users.insert(*owner);
                    }
                    if let DeviceEvent::GatewayChanged { gateway_id, .. } = event {
                        found.gateways.insert(*gateway_id);
                    }
                }
                Event::Policy(id, event) => self.concerned_by_policy(*id, event, &mut found),
                Event::Session(..) | Event::Webhook(..) => {}
                Event::Gateway(..) | Event::Security(..) => return None,
            }
        }
        Some(found)
    }

    fn concerned_by_group(&self, id: GroupId, event: &GroupEvent, found: &mut Concerned) {
        found.groups.insert(id);
        match event {
            GroupEvent::MemberAdded { user_id } | GroupEvent::MemberRemoved { user_id } => {
                found.users.insert(*user_id);
                found.devices.extend(self.index.of_user(*user_id));
            }
            GroupEvent::Deleted {} => found.devices.extend(self.index.of_group(id)),
            GroupEvent::Created { .. }
            | GroupEvent::Renamed { .. }
            | GroupEvent::DescriptionChanged { .. }
            | GroupEvent::Restored { .. } => {}
        }
    }

    fn concerned_by_policy(&self, id: PolicyId, event: &PolicyEvent, found: &mut Concerned) {
        found.policies.insert(id);
        let before = self.policies.get(&id).and_then(|policy| policy.policy.fields());
        let after = match event {
            PolicyEvent::Created { fields } | PolicyEvent::Restored { fields } => {
                Some(&fields.targets)
            }
            PolicyEvent::Changed { targets, .. } => targets.as_ref(),
            PolicyEvent::Activated {} | PolicyEvent::Expired {} | PolicyEvent::Deleted {} => None,
        };
        for targets in before.map(|fields| &fields.targets).into_iter().chain(after) {
            found.devices.append(&mut self.index.of_targets(targets));
        }
    }

    fn part(&self, mut found: Concerned) -> Self {
        let owners = found.devices.iter().filter_map(|id| self.devices.get(id));
        for device in owners {
            found.users.insert(device.owner);
            found.gateways.insert(device.gateway_id);
        }
        found.policies.extend(self.policies_about(&found));
        let mut index = Index::default();
        for user in &found.users {
            for group in self.index.groups_of(*user) {
                index.add_member(group, *user);
            }
        }
        // A revoked device is in no index.
        for user in &found.users {
            let devices = self.devices_of_user(*user);
            for (id, device) in devices.filter(|(id, _)| found.devices.contains(id)) {
                index.add_device(id, device.owner, device.gateway_id);
            }
        }
        let mut part = Self {
            idx: self.idx,
            public_pools: self.public_pools.clone(),
            signing_keys: self.signing_keys.clone(),
            users: some(&self.users, &found.users),
            groups: some(&self.groups, &found.groups),
            ..Self::default()
        };
        let pick = |id: &PolicyId| Some((*id, self.policies.get(id)?.clone()));
        part.policies = found.policies.iter().filter_map(pick).collect();
        for (id, policy) in part.policies.iter().filter(|(_, policy)| policy.policy.in_force()) {
            let targets = policy.policy.fields().map(|fields| &fields.targets);
            index.add_policy(*id, targets.map(Vec::as_slice).unwrap_or_default());
        }
        let pick = |id: &GatewayId| Some((*id, self.gateways.get(id)?.clone()));
        part.gateways = found.gateways.iter().filter_map(pick).collect();
        let pick = |id: &DeviceId| Some((*id, self.devices.get(id)?.clone()));
        part.devices = found.devices.iter().filter_map(pick).collect();
        part.index = index;
        let mut known = CompiledCache::default();
        for (id, device) in &part.devices {
            if let Some(compiled) = &device.compiled {
                known.keep(device.gateway_id, part.index.policies_for(*id, device.owner), compiled);
            }
        }
        part.compiled = known;
        part
    }

    /// The policies that can have a say about what was found.
    fn policies_about(&self, found: &Concerned) -> BTreeSet<PolicyId> {
        let users = found.users.iter().map(|user| Target::User(*user));
        let of_users = found.users.iter().flat_map(|user| self.index.groups_of(*user));
        let groups = of_users.chain(found.groups.iter().copied()).map(Target::Group);
        let devices = found.devices.iter().map(|device| Target::Device(*device));
        let targets = users.chain(groups).chain(devices).chain([Target::Everyone]);
        targets.flat_map(|target| self.index.policies_of(target)).collect()
    }
}

fn some<K: std::hash::Hash + Eq + Copy, V: Clone>(
    all: &HashMap<K, V>,
    keys: &BTreeSet<K>,
) -> HashMap<K, V> {
    keys.iter().filter_map(|key| Some((*key, all.get(key)?.clone()))).collect()
}
