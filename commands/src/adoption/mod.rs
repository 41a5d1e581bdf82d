//! A WireGuard server that exists becomes a gateway, and its clients become devices: with their
//! keys and addresses, so that the profiles in the field go on working.
//!
//! Everything is looked at first, so that a person learns at once of all that stands in the way.
//! Then it is one append: all of it happens or nothing. A rehearsal goes the same way up to the
//! commit. What was taken over before is found again by the clients' keys and left as it is.

mod input;
mod names;
mod standing;

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use nexavpn_domain::{
    device::{Device, DeviceCommand, Enrolment, KeyOrigin},
    gateway::{Gateway, GatewayChange, GatewayCommand, GatewayFields},
    ids::{DeviceId, GatewayId, PolicyId, UserId},
    policy::{Policy, PolicyCommand, PolicyFields},
    values::{self, Addresses, PolicyEffect, PublicKey, Slot, Target},
};
use nexavpn_store::{Loaded, Reservation, SlotError};

use input::{Client, Input};
use standing::Found;

use crate::{
    CommandError, Commands, Done, GatewayInput, Rehearsal, Request, Secret,
    rows::{Due, IndexDevice},
    transact::{Plan, fresh},
};

/// A WireGuard server with its clients, as its own files tell of them. Debug would show personal
/// data, so there is none.
#[derive(Clone)]
pub struct Adoption {
    /// The login name of who gets the devices.
    pub owner: String,
    /// The gateway. Where there is one of this name it is taken, if it has the same pool and no
    /// other key, and keeps its settings.
    pub gateway: GatewayInput,
    /// Who connects to it.
    pub clients: Vec<AdoptedClient>,
    /// Whether the owner's devices may reach everything from then on.
    pub allow_all: bool,
}

/// One client.
#[derive(Clone)]
pub struct AdoptedClient {
    /// What it is called there; whatever that is.
    pub name: String,
    /// Its IPv4 address in the tunnel.
    pub address_v4: String,
    /// Its IPv6 address in the tunnel.
    pub address_v6: Option<String>,
    /// Its key.
    pub public_key: String,
    /// The private half, where it is known: its configuration can then be shown again.
    pub private_key: Option<Secret>,
    /// The preshared key, where it has one.
    pub preshared_key: Option<Secret>,
    /// Whether it is let in.
    pub enabled: bool,
    /// When it stops being a peer.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What has become of a server, or would.
#[derive(Clone)]
pub struct Adopted {
    /// The gateway.
    pub gateway_id: GatewayId,
    /// Its settings.
    pub gateway: GatewayFields,
    /// The key that its node must have.
    pub public_key: PublicKey,
    /// Whether it is new.
    pub gateway_standing: Standing,
    /// The clients, in the order in which they were given.
    pub devices: Vec<AdoptedDevice>,
    /// The policy that lets them reach everything, where one was asked for.
    pub policy: Option<Standing>,
}

/// A client that is a device, or would be.
#[derive(Clone)]
pub struct AdoptedDevice {
    /// What it was called.
    pub former_name: String,
    /// What it is called.
    pub name: String,
    /// Where it is in the tunnel.
    pub addresses: Addresses,
    /// An IPv6 address that it does not keep: both addresses of a device have the same number in
    /// their pools.
    pub lost_v6: Option<Ipv6Addr>,
    /// Whether it is let in.
    pub enabled: bool,
    /// When it stops being a peer.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether its private key is known.
    pub private_key_known: bool,
    /// Whether it has a preshared key.
    pub preshared: bool,
    /// Whether it is new.
    pub standing: Standing,
}

/// Whether something was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is new.
    New,
    /// It was there, and is left as it is but for a key that it had not.
    Keyed,
    /// It was there, and is left as it is.
    Present,
    /// It was there and was revoked or deleted since, which is left so.
    Gone,
}

impl Adopted {
    /// Whether something was not there before.
    #[must_use]
    pub fn anything_new(&self) -> bool {
        let new = |standing| matches!(standing, Standing::New | Standing::Keyed);
        new(self.gateway_standing)
            || self.devices.iter().any(|device| new(device.standing))
            || self.policy.is_some_and(new)
    }
}

impl Commands {
    /// Makes a server a gateway and its clients devices of one user, all of it or nothing. A
    /// rehearsal tells what would happen, or why it could not, and changes nothing.
    ///
    /// # Errors
    /// `validation_error` with everything that stands in the way.
    pub async fn adopt_server(
        &self,
        request: &Request,
        adoption: Adoption,
        rehearsal: bool,
    ) -> Result<Done<Adopted>, CommandError> {
        let input = Input::check(adoption);
        let request = &Request { rehearsal: rehearsal.then(Rehearsal::default), ..request.clone() };
        self.transact(request, "gateway", || self.plan_adoption(&input)).await
    }

    async fn plan_adoption(&self, input: &Input) -> Result<Plan<Adopted>, CommandError> {
        let Found { owner, gateway_id, gateway, fields, public_key, clients } =
            self.find_standing(input).await?;
        let mut plan = Plan::new(Adopted {
            gateway_id,
            gateway: fields.clone(),
            public_key: public_key.clone(),
            gateway_standing: Standing::Present,
            devices: Vec::with_capacity(clients.len()),
            policy: None,
        });
        let standing = plan_key(&mut plan, gateway_id, &gateway, &fields, public_key)?;
        plan.value_mut().gateway_standing = standing;
        for (client, standing, slot) in clients {
            let addresses = fields.pool.addresses(slot).ok_or(SlotError::OutOfPool)?;
            if standing == Standing::New {
                let place = Place { gateway_id, slot, addresses };
                self.plan_client(&mut plan, owner, place, client).await?;
            }
            plan.value_mut().devices.push(AdoptedDevice {
                former_name: client.former_name.clone(),
                name: client.name.clone(),
                addresses,
                lost_v6: client
                    .v6
                    .filter(|v6| fields.pool.v6.is_some() && addresses.v6 != Some(*v6)),
                enabled: client.enabled,
                expires_at: client.expires_at,
                private_key_known: client.private_key.is_some(),
                preshared: client.preshared_key.is_some(),
                standing,
            });
        }
        if input.allow_all {
            let standing = self.plan_everything(&mut plan, owner, gateway_id, &fields).await?;
            plan.value_mut().policy = Some(standing);
        }
        Ok(plan)
    }

    async fn plan_client(
        &self,
        plan: &mut Plan<Adopted>,
        owner: UserId,
        place: Place,
        client: &Client,
    ) -> Result<(), CommandError> {
        let id = DeviceId(self.new_id());
        let Place { gateway_id, slot, addresses } = place;
        let known = client.private_key.is_some();
        let mut commands = vec![DeviceCommand::Enrol(Box::new(Enrolment {
            owner,
            name: client.name.clone(),
            platform: "unknown".to_owned(),
            os_version: None,
            app_version: None,
            fingerprint: None,
            public_key: client.public_key.clone(),
            key_origin: if known { KeyOrigin::Server } else { KeyOrigin::Client },
            gateway_id,
            slot,
            addresses,
        }))];
        if let Some(key) = &client.preshared_key {
            let psk_ref = self.plan_given_preshared_key(plan, id, key).await?;
            commands.push(DeviceCommand::SetPresharedKey(Some(psk_ref)));
        }
        if client.expires_at.is_some() {
            let (expires_at, now) = (client.expires_at, self.now());
            commands.push(DeviceCommand::SetExpiry { expires_at, now });
        }
        if !client.enabled {
            commands.push(DeviceCommand::Disable);
        }
        let (device, _) = plan.decide_all::<Device>(id.0, &fresh(), commands)?;
        plan.about(Some(owner));
        if let Some(key) = &client.private_key {
            self.plan_kept_key(plan, id, &client.public_key, key).await?;
        }
        plan.hold(Reservation { token: None, gateway: gateway_id, slot, device: id });
        plan.row(IndexDevice {
            device_id: id,
            user_id: owner,
            gateway_id,
            fingerprint_hmac: None,
            // They are there already.
            limit: None,
        });
        if let Some(at) = device.next_tick() {
            plan.row(Due { aggregate_type: "device", aggregate_id: id.0, at: Some(at) });
        }
        Ok(())
    }

    /// Plans the policy by which the owner's devices reach what they reached before: everything,
    /// each other too.
    async fn plan_everything(
        &self,
        plan: &mut Plan<Adopted>,
        owner: UserId,
        gateway_id: GatewayId,
        gateway: &GatewayFields,
    ) -> Result<Standing, CommandError> {
        // It follows from the gateway, so that it is found again.
        let id = PolicyId(self.derived_id("adoption_policy", &gateway_id.to_string()));
        let policy = self.store.load::<Policy>(id.0).await?;
        if policy.sequence > 0 {
            let there = policy.state.fields().is_some();
            return Ok(if there { Standing::Present } else { Standing::Gone });
        }
        let everywhere = [IpAddr::from([0_u8; 4]), IpAddr::from([0_u8; 16])];
        let fields = PolicyFields {
            name: values::nearest_label(&format!("Everything: {}", gateway.name))
                .unwrap_or_default(),
            description: "Lets clients that were taken over reach whatever they reached before. \
                          Narrow it, or replace it by policies that say who needs what."
                .to_owned(),
            priority: 1000,
            effect: PolicyEffect::Allow,
            full_tunnel: true,
            destinations: everywhere
                .into_iter()
                .filter_map(|ip| IpNetwork::new(ip, 0).ok())
                .collect(),
            targets: vec![Target::User(owner)],
            services: vec![],
            enabled: true,
            valid_from: None,
            valid_until: None,
        };
        let command = PolicyCommand::Create { fields: Box::new(fields), now: self.now() };
        self.plan_policy(plan, id, &policy, command)?;
        Ok(Standing::New)
    }
}

/// Where a device goes.
#[derive(Clone, Copy)]
struct Place {
    gateway_id: GatewayId,
    slot: Slot,
    addresses: Addresses,
}

/// Plans a new gateway, or the key of one that has none yet.
fn plan_key(
    plan: &mut Plan<Adopted>,
    id: GatewayId,
    gateway: &Loaded<Gateway>,
    fields: &GatewayFields,
    public_key: PublicKey,
) -> Result<Standing, CommandError> {
    let public_key = Some(public_key);
    if gateway.state.fields().is_none() {
        let fields = Box::new(fields.clone());
        plan.decide(id.0, gateway, GatewayCommand::Create { fields, public_key })?;
        return Ok(Standing::New);
    }
    let change = Box::new(GatewayChange::default());
    let any = plan.decide(id.0, gateway, GatewayCommand::Change { change, public_key })?;
    Ok(if any { Standing::Keyed } else { Standing::Present })
}
