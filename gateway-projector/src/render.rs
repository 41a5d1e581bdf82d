//! From folded state to a bundle's payload.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, SecondsFormat, Utc};
use ipnetwork::IpNetwork;
use nexavpn_bundle::{
    BundleError, Change, CheckedProfile, Contents, Device, FORMAT, Frame, Input, Interface,
    Masquerade, Nat, Payload,
};
use nexavpn_domain::{
    fleet::{Compiled, Fleet, GatewayState, Peer},
    ids::{DeviceId, GatewayId},
    values::Addresses,
};

use crate::profiles::Profiles;

/// What the tunnel's interface is called unless a node says otherwise.
const INTERFACE: &str = "wg0";

/// What a gateway's bundle is made from, taken out of the [`Fleet`] so that rendering does not
/// hold its lock. Access is shared, so this costs a few bytes a device.
#[derive(Debug, Clone)]
pub struct Blueprint {
    id: GatewayId,
    gateway: GatewayState,
    /// The devices with what the bundle holds of them; nothing of those that are no peers.
    devices: Vec<(DeviceId, Option<Peer>)>,
    /// Only some devices: those that events have touched since the last one.
    partial: bool,
}

/// A bundle's contents, and what led there from the one before where only that was rendered.
pub(crate) struct Rendered {
    pub(crate) contents: Contents,
    pub(crate) change: Option<Change<Arc<CheckedProfile>>>,
}

/// Renders a gateway's payload; `None` for an unknown or deleted gateway. A pure function of the
/// events folded and of the epoch: the same bytes live, rebuilt, or in another process.
///
/// # Errors
/// Where the payload breaks a rule that a node would refuse it for.
pub fn render(fleet: &Fleet, id: GatewayId, epoch: i64) -> Result<Option<Payload>, BundleError> {
    let profiles = Profiles::default();
    let blueprint = Blueprint::of(fleet, id);
    let rendered = blueprint.map(|blueprint| blueprint.render(epoch, None, &profiles));
    Ok(rendered.transpose()?.map(|rendered| rendered.contents.payload()))
}

impl Blueprint {
    /// Takes what a gateway's bundle is made from.
    #[must_use]
    pub fn of(fleet: &Fleet, id: GatewayId) -> Option<Self> {
        let gateway = fleet.gateway(id)?.clone();
        let devices = fleet.devices_of_gateway(id);
        let devices = devices.map(|(id, device)| (id, device.peer().cloned())).collect();
        Some(Self { id, gateway, devices, partial: false })
    }

    /// Takes what is another than before, where these devices were touched.
    #[must_use]
    pub fn of_touched(
        fleet: &Fleet,
        id: GatewayId,
        touched: impl IntoIterator<Item = DeviceId>,
    ) -> Option<Self> {
        let gateway = fleet.gateway(id)?.clone();
        let peer = |device: DeviceId| {
            let state = fleet.device(device).filter(|state| state.gateway_id == id)?;
            state.peer().cloned()
        };
        let devices = touched.into_iter().map(|device| (device, peer(device))).collect();
        Some(Self { id, gateway, devices, partial: true })
    }

    /// When the newest event happened that changed the bundle.
    pub(crate) const fn revised_at(&self) -> DateTime<Utc> {
        self.gateway.revised_at
    }

    /// Renders: all of it, or what is another than `before`.
    ///
    /// # Errors
    /// Where the payload breaks a rule that a node would refuse it for.
    pub(crate) fn render(
        &self,
        epoch: i64,
        before: Option<&Contents>,
        profiles: &Profiles,
    ) -> Result<Rendered, BundleError> {
        let frame = self.frame(epoch);
        match before.filter(|_| self.partial) {
            Some(before) => {
                let change = self.change(before, profiles)?;
                let contents = before.changed(frame, change.clone())?;
                Ok(Rendered { contents, change: Some(change) })
            }
            None => {
                let empty = Contents::empty(frame.clone())?;
                let contents = empty.changed(frame, self.change(&empty, profiles)?)?;
                Ok(Rendered { contents, change: None })
            }
        }
    }

    fn frame(&self, epoch: i64) -> Frame {
        let fields = &self.gateway.fields;
        Frame {
            format: FORMAT,
            gateway_id: self.id.to_string(),
            epoch,
            revision: self.gateway.revision,
            issued_at: time(self.gateway.revised_at),
            max_stale_s: (fields.max_stale_s > 0).then_some(fields.max_stale_s.into()),
            interface: Interface {
                name: INTERFACE.to_owned(),
                listen_port: fields.listen_port,
                mtu: fields.mtu,
                addresses: interface_addresses(&self.gateway),
                public_key: self.gateway.keys.named().map(ToString::to_string),
                key_rotation: self.gateway.keys.rotation().map(|rotation| rotation.number),
            },
            input: Input { dns: self.gateway.dns_on_gateway(), icmp_echo: true },
            nat: nat(&self.gateway),
        }
    }

    /// What leads from what was rendered before to the state of these devices.
    fn change(
        &self,
        before: &Contents,
        profiles: &Profiles,
    ) -> Result<Change<Arc<CheckedProfile>>, BundleError> {
        let mut interner = Interner::new(profiles);
        let mut change = Change::default();
        // How many devices more each profile has.
        let mut more: BTreeMap<String, isize> = BTreeMap::new();
        for (id, peer) in &self.devices {
            let id = id.to_string();
            let old = before.device(&id);
            let new = peer.as_ref().map(|peer| device(&id, peer, &mut interner)).transpose()?;
            if old == new.as_ref() {
                continue;
            }
            if let Some(old) = old {
                *more.entry(old.profile.clone()).or_default() -= 1;
            }
            match new {
                Some(new) => {
                    *more.entry(new.profile.clone()).or_default() += 1;
                    change.put_devices.push(new);
                }
                None => change.removed_devices.push(id),
            }
        }
        for (name, more) in more {
            let had = before.profile(&name).map(|(_, devices)| devices);
            let has = had.unwrap_or(0).saturating_add_signed(more);
            match (had, has) {
                (None, 1..) => {
                    // A device that has it was named it by the interner.
                    change.put_profiles.extend(interner.named.remove_entry(&name));
                }
                (Some(_), 0) => change.removed_profiles.push(name),
                _ => {}
            }
        }
        Ok(change)
    }
}

/// The gateway's tunnel addresses, each with its pool's prefix, so that the pool is routed there.
fn interface_addresses(gateway: &GatewayState) -> Vec<String> {
    let pool = &gateway.fields.pool;
    let Addresses { v4, v6 } = gateway.addresses();
    let v4 = format!("{v4}/{}", pool.v4.prefix());
    let v6 = v6.zip(pool.v6).map(|(ip, net)| format!("{ip}/{}", net.prefix()));
    std::iter::once(v4).chain(v6).collect()
}

fn nat(gateway: &GatewayState) -> Nat {
    let pool = &gateway.fields.pool;
    let interfaces: BTreeSet<&String> = gateway.fields.masquerade_interfaces.iter().collect();
    let rules = |source: Option<IpNetwork>| {
        let source = source.map(|net| net.to_string());
        let pairs = source.iter().flat_map(|src| interfaces.iter().map(move |oif| (src, oif)));
        pairs
            .map(|(src, oif)| Masquerade { src: src.clone(), oif: (*oif).clone() })
            .collect::<Vec<_>>()
    };
    Nat {
        v4_masquerade: rules(Some(IpNetwork::V4(pool.v4))),
        v6_masquerade: rules(pool.v6.map(IpNetwork::V6)),
    }
}

fn device(id: &str, peer: &Peer, interner: &mut Interner<'_>) -> Result<Device, BundleError> {
    Ok(Device {
        id: id.to_owned(),
        public_key: peer.public_key.to_string(),
        ips: peer.addresses.iter().map(|ip| IpNetwork::from(ip).to_string()).collect(),
        profile: interner.name(&peer.compiled)?,
        not_after: peer.not_after.map(time),
        psk_ref: peer.psk_ref.map(Into::into),
    })
}

/// The profiles of one bundle. Devices with the same rules share one [`Compiled`], so a thousand of
/// them are looked up once.
struct Interner<'a> {
    profiles: &'a Profiles,
    named: BTreeMap<String, Arc<CheckedProfile>>,
    seen: HashMap<*const Compiled, String>,
}

impl<'a> Interner<'a> {
    fn new(profiles: &'a Profiles) -> Self {
        Self { profiles, named: BTreeMap::new(), seen: HashMap::new() }
    }

    fn name(&mut self, compiled: &Arc<Compiled>) -> Result<String, BundleError> {
        let seen = Arc::as_ptr(compiled);
        if let Some(name) = self.seen.get(&seen) {
            return Ok(name.clone());
        }
        let profile = self.profiles.written(compiled.profile())?;
        let name = profile.name().to_owned();
        self.named.entry(name.clone()).or_insert(profile);
        self.seen.insert(seen, name.clone());
        Ok(name)
    }
}

/// RFC 3339 in UTC, always to the microsecond as PostgreSQL keeps it: one text for one time.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
