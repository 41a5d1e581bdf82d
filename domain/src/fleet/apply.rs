//! Folding one event.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{
    Changes, ClientProfile, DeviceState, DeviceStatus, Fleet, GatewayState, GroupState, Moment,
    Peer, PolicyState, SigningKey, UserState,
};
use crate::{
    access::{self, Access},
    device::DeviceEvent,
    event::Event,
    gateway::{Gateway, GatewayEvent, GatewayKeys},
    group::GroupEvent,
    ids::{DeviceId, GatewayId, GroupId, PolicyId, UserId},
    policy::{Policy, PolicyEvent},
    security::SecurityEvent,
    user::UserEvent,
};

impl Fleet {
    /// Folds the event with this idx and effective time, and says what it changed.
    pub fn apply(&mut self, idx: i64, time: DateTime<Utc>, event: &Event) -> Changes {
        self.idx = idx;
        let now = Moment { idx, time };
        let mut changes = Changes::default();
        let concerned = match event {
            Event::User(id, e) => self.user_event(*id, e),
            Event::Group(id, e) => self.group_event(*id, e),
            Event::Device(id, e) => self.device_event(*id, e, &mut changes),
            Event::Policy(id, e) => self.policy_event(*id, e, now),
            Event::Gateway(id, e) => self.gateway_event(*id, e, now, &mut changes),
            Event::Security(_, e) => {
                self.security_event(e, &mut changes);
                BTreeSet::new()
            }
            Event::Session(..) | Event::Webhook(..) => BTreeSet::new(),
        };
        for id in concerned {
            self.evaluate(id, event, &mut changes);
        }
        for id in &changes.gateways {
            if let Some(gateway) = self.gateways.get_mut(id) {
                gateway.revision = idx;
                gateway.revised_at = time;
            }
        }
        changes
    }

    fn user_event(&mut self, id: UserId, event: &UserEvent) -> BTreeSet<DeviceId> {
        match event {
            UserEvent::Created { role, .. } => {
                self.users.insert(id, UserState { role: *role, enabled: true });
            }
            UserEvent::RoleChanged { to, .. } => {
                if let Some(user) = self.users.get_mut(&id) {
                    user.role = *to;
                }
            }
            UserEvent::Disabled {} => self.enable_user(id, false),
            UserEvent::Enabled { .. } => self.enable_user(id, true),
            UserEvent::Deleted {} | UserEvent::Erased {} => {
                self.users.remove(&id);
            }
            UserEvent::Renamed { .. }
            | UserEvent::DisplayNameChanged { .. }
            | UserEvent::EmailChanged { .. }
            | UserEvent::PasswordChanged { .. } => return BTreeSet::new(),
        }
        self.index.of_user(id).collect()
    }

    fn enable_user(&mut self, id: UserId, enabled: bool) {
        if let Some(user) = self.users.get_mut(&id) {
            user.enabled = enabled;
        }
    }

    fn group_event(&mut self, id: GroupId, event: &GroupEvent) -> BTreeSet<DeviceId> {
        match event {
            GroupEvent::Created { name, .. } | GroupEvent::Restored { name, .. } => {
                let group = GroupState { name: name.clone(), members: BTreeSet::new() };
                self.groups.insert(id, group);
                BTreeSet::new()
            }
            GroupEvent::Renamed { name } => {
                if let Some(group) = self.groups.get_mut(&id) {
                    group.name.clone_from(name);
                }
                BTreeSet::new()
            }
            GroupEvent::DescriptionChanged { .. } => BTreeSet::new(),
            GroupEvent::MemberAdded { user_id } => {
                if let Some(group) = self.groups.get_mut(&id) {
                    group.members.insert(*user_id);
                    self.index.add_member(id, *user_id);
                }
                self.index.of_user(*user_id).collect()
            }
            GroupEvent::MemberRemoved { user_id } => {
                if let Some(group) = self.groups.get_mut(&id) {
                    group.members.remove(user_id);
                    self.index.remove_member(id, *user_id);
                }
                self.index.of_user(*user_id).collect()
            }
            GroupEvent::Deleted {} => {
                let concerned = self.index.of_group(id).collect();
                self.groups.remove(&id);
                self.index.remove_group(id);
                concerned
            }
        }
    }

    fn device_event(
        &mut self,
        id: DeviceId,
        event: &DeviceEvent,
        changes: &mut Changes,
    ) -> BTreeSet<DeviceId> {
        if let Some(device) = DeviceState::enrolled(event) {
            self.index.add_device(id, device.owner, device.gateway_id);
            self.devices.insert(id, device);
        } else if let Some(device) = self.devices.get_mut(&id) {
            if let DeviceEvent::OwnerChanged { owner, .. } = event {
                self.index.remove_device(id, device.owner, device.gateway_id);
                self.index.add_device(id, *owner, device.gateway_id);
            }
            if let DeviceEvent::GatewayChanged { gateway_id, .. } = event {
                self.index.remove_device(id, device.owner, device.gateway_id);
                self.index.add_device(id, device.owner, *gateway_id);
                // The gateway that it leaves has one peer less; the other one is looked at below.
                if device.peer.take().is_some() {
                    changes.devices.insert(id);
                    if self.gateways.contains_key(&device.gateway_id) {
                        changes.gateways.insert(device.gateway_id);
                    }
                }
            }
            device_fact(device, event);
            if device.revoked {
                self.index.remove_device(id, device.owner, device.gateway_id);
            }
        }
        BTreeSet::from([id])
    }

    fn policy_event(
        &mut self,
        id: PolicyId,
        event: &PolicyEvent,
        now: Moment,
    ) -> BTreeSet<DeviceId> {
        let before = self.policies.remove(&id);
        let mut concerned = BTreeSet::new();
        let (mut policy, created_idx) = match before {
            Some(before) => {
                if let Some(fields) = before.policy.fields() {
                    self.index.remove_policy(id, &fields.targets);
                    if before.policy.in_force() {
                        concerned.append(&mut self.index.of_targets(&fields.targets));
                    }
                }
                (before.policy, before.created_idx)
            }
            None => (Policy::default(), now.idx),
        };
        policy.evolve(event);
        self.compiled.forget_policy(id);
        if let Some(after) = PolicyState::new(id, policy, created_idx) {
            if let Some(fields) = after.policy.fields().filter(|_| after.policy.in_force()) {
                self.index.add_policy(id, &fields.targets);
                concerned.append(&mut self.index.of_targets(&fields.targets));
            }
            self.policies.insert(id, after);
        }
        concerned
    }

    fn gateway_event(
        &mut self,
        id: GatewayId,
        event: &GatewayEvent,
        now: Moment,
        changes: &mut Changes,
    ) -> BTreeSet<DeviceId> {
        match event {
            GatewayEvent::Created { fields } => {
                let gateway = GatewayState {
                    fields: fields.clone(),
                    keys: GatewayKeys::default(),
                    drained: false,
                    revision: now.idx,
                    revised_at: now.time,
                };
                self.gateways.insert(id, gateway);
                changes.gateways.insert(id);
                let networks = fields.pool.networks();
                let public: Vec<_> = networks.filter(access::is_partly_public).collect();
                if !public.is_empty() {
                    self.public_pools.insert(id, public);
                    return self.of_full_tunnels();
                }
            }
            GatewayEvent::Changed { .. } => {
                let Some(gateway) = self.gateways.get_mut(&id) else { return BTreeSet::new() };
                let mut state = Gateway::default();
                state.evolve(&GatewayEvent::Created { fields: gateway.fields.clone() });
                state.evolve(event);
                let Some(fields) = state.fields() else { return BTreeSet::new() };
                let after = GatewayState { fields: fields.clone(), ..gateway.clone() };
                // A new name or endpoint, for example, is for clients only.
                if after.own_part_of_bundle() != gateway.own_part_of_bundle() {
                    changes.gateways.insert(id);
                }
                *gateway = after;
                self.compiled.forget_gateway(id);
            }
            GatewayEvent::KeySet { .. }
            | GatewayEvent::KeyRotationRequested { .. }
            | GatewayEvent::NextKeyAnnounced { .. }
            | GatewayEvent::KeySwitched { .. }
            | GatewayEvent::KeyRotationCalledOff {}
            | GatewayEvent::Joined { .. } => {
                let Some(gateway) = self.gateways.get_mut(&id) else { return BTreeSet::new() };
                let mut after = gateway.clone();
                after.keys.evolve(event);
                if after.keys == gateway.keys {
                    return BTreeSet::new();
                }
                if after.own_part_of_bundle() != gateway.own_part_of_bundle() {
                    changes.gateways.insert(id);
                }
                *gateway = after;
            }
            GatewayEvent::Deleted {} => {
                self.gateways.remove(&id);
                self.compiled.forget_gateway(id);
                if self.public_pools.remove(&id).is_some() {
                    let mut concerned = self.of_full_tunnels();
                    concerned.extend(self.index.of_gateway(id));
                    return concerned;
                }
            }
            GatewayEvent::DrainStarted { .. } | GatewayEvent::DrainEnded {} => {
                if let Some(gateway) = self.gateways.get_mut(&id) {
                    gateway.drained = matches!(event, GatewayEvent::DrainStarted { .. });
                }
                return BTreeSet::new();
            }
            GatewayEvent::JoinTokenIssued { .. } => return BTreeSet::new(),
        }
        self.index.of_gateway(id).collect()
    }

    /// The devices that have a full tunnel, whose access has to be worked out anew because the
    /// public tunnel networks have changed.
    fn of_full_tunnels(&mut self) -> BTreeSet<DeviceId> {
        let mut concerned = BTreeSet::new();
        for (id, policy) in &self.policies {
            let Some(fields) = policy.policy.fields() else { continue };
            if fields.full_tunnel && policy.policy.in_force() {
                self.compiled.forget_policy(*id);
                concerned.append(&mut self.index.of_targets(&fields.targets));
            }
        }
        concerned
    }

    fn security_event(&mut self, event: &SecurityEvent, changes: &mut Changes) {
        match event {
            SecurityEvent::SigningKeyIntroduced { key_id, public_key, signed_by_previous } => {
                self.signing_keys.push(SigningKey {
                    id: key_id.clone(),
                    public_key: public_key.clone(),
                    signed_by_previous: signed_by_previous.clone(),
                });
                changes.gateways.extend(self.gateways.keys());
            }
            SecurityEvent::Failure { .. } | SecurityEvent::FailuresRepeated { .. } => {}
        }
    }

    /// Works out whether a device's owner counts and what it may reach; answers the peer that it
    /// should be.
    pub(super) fn stand(&mut self, id: DeviceId) -> Option<Peer> {
        let device = self.devices.get(&id)?;
        let owner_enabled = self.users.get(&device.owner).is_some_and(|u| u.enabled);
        let gateway_id = device.gateway_id;
        let compiled = match self.gateways.get(&gateway_id).filter(|_| !device.revoked) {
            None => None,
            Some(gateway) => {
                let ids = self.index.policies_for(id, device.owner);
                Some(match self.compiled.get(gateway_id, &ids) {
                    Some(known) => known,
                    None => {
                        let around = self.surroundings(gateway_id, gateway);
                        let access = Access::new(self.rules(&ids), around);
                        self.compiled.compile(gateway_id, ids, access)
                    }
                })
            }
        };
        let device = self.devices.get_mut(&id)?;
        device.owner_enabled = owner_enabled;
        device.compiled.clone_from(&compiled);
        compiled.filter(|_| device.status() == DeviceStatus::Active).map(|compiled| Peer {
            public_key: device.public_key.clone(),
            psk_ref: device.psk_ref,
            addresses: device.addresses,
            compiled,
            not_after: device.not_after(),
        })
    }

    /// Works out a device's peer, access and profile anew and notes what is different.
    fn evaluate(&mut self, id: DeviceId, event: &Event, changes: &mut Changes) {
        let peer = self.stand(id);
        let Some(device) = self.devices.get_mut(&id) else { return };
        let gateway_id = device.gateway_id;
        if peer != device.peer {
            changes.devices.insert(id);
            if self.gateways.contains_key(&gateway_id) {
                changes.gateways.insert(gateway_id);
            }
        }
        device.peer = peer;
        let profile = self.gateways.get(&gateway_id).and_then(|g| ClientProfile::new(device, g));
        let digest = profile.map(|p| p.digest());
        let rotated = matches!(event, Event::Device(_, DeviceEvent::RotationRequested { .. }));
        let other = digest.is_some() && digest != device.profile_digest;
        if device.profile_revision == 0 {
            device.profile_revision = 1;
        } else if rotated || other {
            device.profile_revision += 1;
            changes.devices.insert(id);
        }
        if digest.is_some() {
            device.profile_digest = digest;
        }
    }
}

/// A fact about one device.
pub(super) fn device_fact(device: &mut DeviceState, event: &DeviceEvent) {
    match event {
        DeviceEvent::Enrolled { .. }
        | DeviceEvent::Renamed { .. }
        | DeviceEvent::PlatformChanged { .. } => {}
        DeviceEvent::OwnerChanged { owner, .. } => device.owner = *owner,
        DeviceEvent::AddressChanged { addresses, .. } => device.addresses = *addresses,
        DeviceEvent::GatewayChanged { gateway_id, addresses, .. } => {
            device.gateway_id = *gateway_id;
            device.addresses = *addresses;
        }
        DeviceEvent::Reprovisioned { public_key, .. } => {
            device.public_key = public_key.clone();
            device.rotation_deadline = None;
            device.rotation_lapsed = false;
        }
        DeviceEvent::PresharedKeyChanged { psk_ref } => device.psk_ref = *psk_ref,
        DeviceEvent::RotationRequested { deadline } => {
            device.rotation_deadline = Some(*deadline);
            device.rotation_lapsed = false;
        }
        DeviceEvent::RotationLapsed {} => device.rotation_lapsed = true,
        DeviceEvent::Disabled {} => device.enabled = false,
        DeviceEvent::Enabled {} => device.enabled = true,
        DeviceEvent::ExpiryChanged { expires_at } => {
            device.expires_at = *expires_at;
            device.expired = false;
        }
        DeviceEvent::Expired {} => device.expired = true,
        DeviceEvent::Revoked { .. } => device.revoked = true,
    }
}
