//! Who is concerned by what.

use std::collections::{BTreeSet, HashMap};

use crate::{
    ids::{DeviceId, GatewayId, GroupId, PolicyId, UserId},
    values::Target,
};

/// Inverted indexes over the fleet.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    by_user: HashMap<UserId, BTreeSet<DeviceId>>,
    by_gateway: HashMap<GatewayId, BTreeSet<DeviceId>>,
    groups_of: HashMap<UserId, BTreeSet<GroupId>>,
    members_of: HashMap<GroupId, BTreeSet<UserId>>,
    /// Those in force only.
    by_target: HashMap<Target, BTreeSet<PolicyId>>,
}

impl Index {
    /// The same of a fleet that has no devices.
    pub(super) fn without_devices(&self) -> Self {
        Self {
            groups_of: self.groups_of.clone(),
            members_of: self.members_of.clone(),
            by_target: self.by_target.clone(),
            ..Self::default()
        }
    }

    pub(super) fn add_device(&mut self, id: DeviceId, owner: UserId, gateway: GatewayId) {
        self.by_user.entry(owner).or_default().insert(id);
        self.by_gateway.entry(gateway).or_default().insert(id);
    }

    pub(super) fn remove_device(&mut self, id: DeviceId, owner: UserId, gateway: GatewayId) {
        remove(&mut self.by_user, owner, id);
        remove(&mut self.by_gateway, gateway, id);
    }

    pub(super) fn add_member(&mut self, group: GroupId, user: UserId) {
        self.groups_of.entry(user).or_default().insert(group);
        self.members_of.entry(group).or_default().insert(user);
    }

    pub(super) fn remove_member(&mut self, group: GroupId, user: UserId) {
        remove(&mut self.groups_of, user, group);
        remove(&mut self.members_of, group, user);
    }

    pub(super) fn remove_group(&mut self, group: GroupId) {
        for user in self.members_of.remove(&group).unwrap_or_default() {
            remove(&mut self.groups_of, user, group);
        }
    }

    /// A policy that is in force.
    pub(super) fn add_policy(&mut self, id: PolicyId, targets: &[Target]) {
        for target in targets {
            self.by_target.entry(*target).or_default().insert(id);
        }
    }

    pub(super) fn remove_policy(&mut self, id: PolicyId, targets: &[Target]) {
        for target in targets {
            remove(&mut self.by_target, *target, id);
        }
    }

    pub(super) fn of_user(&self, id: UserId) -> impl Iterator<Item = DeviceId> {
        self.by_user.get(&id).into_iter().flatten().copied()
    }

    pub(super) fn of_gateway(&self, id: GatewayId) -> impl Iterator<Item = DeviceId> {
        self.by_gateway.get(&id).into_iter().flatten().copied()
    }

    /// How many devices a gateway has.
    pub(super) fn load(&self, id: GatewayId) -> usize {
        self.by_gateway.get(&id).map_or(0, BTreeSet::len)
    }

    pub(super) fn of_group(&self, id: GroupId) -> impl Iterator<Item = DeviceId> {
        let members = self.members_of.get(&id).into_iter().flatten().copied();
        members.flat_map(|user| self.of_user(user))
    }

    pub(super) fn groups_of(&self, user: UserId) -> impl Iterator<Item = GroupId> {
        self.groups_of.get(&user).into_iter().flatten().copied()
    }

    /// The policies in force that name a target.
    pub(super) fn policies_of(&self, target: Target) -> impl Iterator<Item = PolicyId> {
        self.by_target.get(&target).into_iter().flatten().copied()
    }

    /// All devices that the targets name.
    pub(super) fn of_targets(&self, targets: &[Target]) -> BTreeSet<DeviceId> {
        let mut devices = BTreeSet::new();
        for target in targets {
            match *target {
                Target::User(id) => devices.extend(self.of_user(id)),
                Target::Group(id) => devices.extend(self.of_group(id)),
                Target::Device(id) => {
                    devices.insert(id);
                }
                Target::Everyone => devices.extend(self.by_user.values().flatten()),
            }
        }
        devices
    }

    /// The policies in force that target a device in any way, each once, by id.
    pub(super) fn policies_for(&self, id: DeviceId, owner: UserId) -> Vec<PolicyId> {
        let groups = self.groups_of.get(&owner).into_iter().flatten();
        let targets = [Target::Device(id), Target::User(owner), Target::Everyone]
            .into_iter()
            .chain(groups.map(|g| Target::Group(*g)));
        let mut policies: Vec<PolicyId> =
            targets.filter_map(|t| self.by_target.get(&t)).flatten().copied().collect();
        policies.sort_unstable();
        policies.dedup();
        policies
    }
}

fn remove<K: std::hash::Hash + Eq, V: Ord>(map: &mut HashMap<K, BTreeSet<V>>, key: K, value: V) {
    if let Some(set) = map.get_mut(&key) {
        set.remove(&value);
        if set.is_empty() {
            map.remove(&key);
        }
    }
}
