//! From folded state to a bundle's payload.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Display,
    net::IpAddr,
    sync::Arc,
};

use chrono::{DateTime, SecondsFormat, Utc};
use ipnetwork::IpNetwork;
use nexavpn_bundle::{
    BundleError, Device, FORMAT, Input, Interface, Masquerade, Nat, Payload, PortBox, Profile,
};
use nexavpn_domain::{
    access::{self, FlatProfile},
    fleet::{Compiled, Fleet, GatewayState, Peer},
    ids::{DeviceId, GatewayId},
    values::Addresses,
};

/// What the tunnel's interface is called unless a node says otherwise.
const INTERFACE: &str = "wg0";

/// What a gateway's bundle is made from, taken out of the [`Fleet`] so that rendering does not
/// hold its lock. Access is shared, so this costs a few bytes a device.
#[derive(Debug, Clone)]
pub struct Blueprint {
    id: GatewayId,
    gateway: GatewayState,
    peers: Vec<(DeviceId, Peer)>,
}

/// Renders a gateway's payload; `None` for an unknown or deleted gateway. A pure function of the
/// events folded and of the epoch: the same bytes live, rebuilt, or in another process.
///
/// # Errors
/// Where the payload cannot be written as JSON.
pub fn render(fleet: &Fleet, id: GatewayId, epoch: i64) -> Result<Option<Payload>, BundleError> {
    Blueprint::of(fleet, id).map(|blueprint| blueprint.payload(epoch)).transpose()
}

impl Blueprint {
    /// Takes what a gateway's bundle is made from.
    #[must_use]
    pub fn of(fleet: &Fleet, id: GatewayId) -> Option<Self> {
        let gateway = fleet.gateway(id)?.clone();
        let peers = fleet
            .devices_of_gateway(id)
            .filter_map(|(id, device)| Some((id, device.peer()?.clone())))
            .collect();
        Some(Self { id, gateway, peers })
    }

    /// Renders the payload.
    ///
    /// # Errors
    /// Where the payload cannot be written as JSON.
    pub fn payload(&self, epoch: i64) -> Result<Payload, BundleError> {
        let fields = &self.gateway.fields;
        let mut interner = Interner::default();
        let devices = self
            .peers
            .iter()
            .map(|(id, peer)| device(*id, peer, &mut interner))
            .collect::<Result<_, _>>()?;
        Ok(Payload {
            format: FORMAT,
            gateway_id: self.id.to_string(),
            epoch,
            revision: self.gateway.revision,
            issued_at: time(self.gateway.revised_at),
            max_stale_s: None,
            interface: Interface {
                name: INTERFACE.to_owned(),
                listen_port: fields.listen_port,
                mtu: fields.mtu,
                addresses: interface_addresses(&self.gateway),
            },
            input: Input { dns: self.gateway.dns_on_gateway(), icmp_echo: true },
            devices,
            profiles: interner.profiles,
            nat: nat(&self.gateway),
        })
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

fn device(id: DeviceId, peer: &Peer, interner: &mut Interner) -> Result<Device, BundleError> {
    Ok(Device {
        id: id.to_string(),
        public_key: peer.public_key.to_string(),
        ips: peer.addresses.iter().map(|ip| IpNetwork::from(ip).to_string()).collect(),
        profile: interner.name(&peer.compiled)?,
        not_after: peer.not_after.map(time),
        psk_ref: None,
    })
}

/// The profiles of one bundle by content. Devices with the same rules share one [`Compiled`], so
/// a thousand of them cost one rendering.
#[derive(Default)]
struct Interner {
    profiles: BTreeMap<String, Profile>,
    seen: HashMap<*const Compiled, String>,
}

impl Interner {
    fn name(&mut self, compiled: &Arc<Compiled>) -> Result<String, BundleError> {
        let seen = Arc::as_ptr(compiled);
        if let Some(name) = self.seen.get(&seen) {
            return Ok(name.clone());
        }
        let profile = profile(compiled.profile());
        let name = profile.name()?;
        self.profiles.entry(name.clone()).or_insert(profile);
        self.seen.insert(seen, name.clone());
        Ok(name)
    }
}

fn profile(flat: &FlatProfile) -> Profile {
    Profile {
        v4: flat.v4.iter().map(|(a, b)| span(a, b)).collect(),
        v6: flat.v6.iter().map(|(a, b)| span(a, b)).collect(),
        v4_ports: flat.v4_ports.iter().map(port_box).collect(),
        v6_ports: flat.v6_ports.iter().map(port_box).collect(),
    }
}

fn port_box(one: &access::PortBox) -> PortBox {
    let (first, last): (IpAddr, IpAddr) = (one.first, one.last);
    let (low, high) = one.protocols;
    PortBox {
        dst: span(first, last),
        proto: if low == high { low.to_string() } else { span(low, high) },
        ports: span(one.ports.0, one.ports.1),
    }
}

fn span<T: Display>(first: T, last: T) -> String {
    format!("{first}-{last}")
}

/// RFC 3339 in UTC, always to the microsecond as PostgreSQL keeps it: one text for one time.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
