//! Random policies, crowded enough to overlap, and packets around their boundaries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use proptest::{collection::vec, option, prelude::*, sample::select};
use uuid::Uuid;

use super::reference;
use crate::{
    access::{Access, Packet, Rule, Surroundings},
    ids::PolicyId,
    values::{Addresses, PolicyEffect, Ports, Protocol, Service},
};

/// Policies and where they are evaluated.
#[derive(Debug, Clone)]
pub struct Case {
    /// In any order.
    pub rules: Vec<Rule>,
    /// Where.
    pub around: Surroundings,
}

impl Case {
    /// The evaluator's view of it.
    #[must_use]
    pub fn access(&self) -> Access {
        Access::new(self.rules.iter().cloned().map(Into::into), self.around.clone())
    }
}

fn v4(ip: Ipv4Addr, prefix: u8) -> IpNetwork {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    let network = Ipv4Network::new(Ipv4Addr::from_bits(ip.to_bits() & mask), prefix);
    network.expect("a prefix of at most 32").into()
}

fn v6(ip: Ipv6Addr, prefix: u8) -> IpNetwork {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    let network = Ipv6Network::new(Ipv6Addr::from_bits(ip.to_bits() & mask), prefix);
    network.expect("a prefix of at most 128").into()
}

/// Small networks within 10.20.0.0/20 and fd20::/112, so that they overlap, and some far away.
fn networks() -> impl Strategy<Value = IpNetwork> {
    let near4 = (0u32..1 << 12, 20u8..=32).prop_map(|(host, prefix)| {
        v4(Ipv4Addr::from_bits(Ipv4Addr::new(10, 20, 0, 0).to_bits() + host), prefix)
    });
    let near6 = (any::<u16>(), 112u8..=128)
        .prop_map(|(host, prefix)| v6(Ipv6Addr::new(0xfd20, 0, 0, 0, 0, 0, 0, host), prefix));
    let far = [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "255.255.255.255/32",
        "0.0.0.0/32",
        "100.96.0.0/16",
        "100.96.0.1/32",
        "100.96.0.0/30",
        "8.8.8.0/24",
        "192.0.0.8/29",
        "172.16.10.0/24",
        "::/0",
        "8000::/1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
        "fd96::/64",
        "fd96::1/128",
        "2606:4700::/32",
        "2001::/16",
        "2000::/3",
    ];
    let far: Vec<IpNetwork> = far.iter().filter_map(|text| text.parse().ok()).collect();
    prop_oneof![4 => near4, 3 => near6, 2 => select(far)]
}

fn services() -> impl Strategy<Value = Vec<Service>> {
    let numbers = select(vec![0u8, 1, 5, 6, 7, 17, 17, 6, 33, 47, 58, 132, 136, 255]);
    let port = select(vec![0u16, 1, 22, 52, 53, 54, 80, 443, 8000, 8100, 65534, 65535]);
    let ports = (port.clone(), port).prop_map(|(a, b)| Ports { first: a.min(b), last: a.max(b) });
    let service = (numbers, vec(ports, 0..3)).prop_map(|(number, ports)| {
        let protocol = Protocol(number);
        Service { protocol, ports: if protocol.has_ports() { ports } else { vec![] } }
    });
    prop_oneof![2 => Just(vec![]), 3 => vec(service, 1..4)]
}

fn rules(tunnels: bool) -> impl Strategy<Value = Rule> {
    let shape = (any::<u128>(), 0u32..4, any::<bool>(), 0u8..6, 0u64..1000);
    (shape, vec(networks(), 0..5), services()).prop_map(
        move |((id, priority, allow, tunnel, age), destinations, services)| Rule {
            id: PolicyId(Uuid::from_u128(id)),
            name: format!("policy {}", id % 1000),
            priority,
            effect: if allow { PolicyEffect::Allow } else { PolicyEffect::Deny },
            full_tunnel: tunnels && allow && tunnel == 0,
            destinations,
            services,
            age,
        },
    )
}

fn surroundings() -> impl Strategy<Value = Surroundings> {
    let servers: [IpAddr; 6] = [
        Ipv4Addr::new(10, 20, 0, 53).into(),
        Ipv4Addr::new(100, 96, 0, 1).into(),
        Ipv4Addr::new(8, 8, 8, 8).into(),
        Ipv6Addr::new(0xfd20, 0, 0, 0, 0, 0, 0, 0x53).into(),
        Ipv6Addr::new(0xfd96, 0, 0, 0, 0, 0, 0, 1).into(),
        Ipv4Addr::BROADCAST.into(),
    ];
    let endpoints: [IpAddr; 3] = [
        Ipv4Addr::new(10, 20, 0, 1).into(),
        Ipv4Addr::new(8, 8, 8, 8).into(),
        Ipv6Addr::new(0xfd20, 0, 0, 0, 0, 0, 0, 1).into(),
    ];
    let pools4 = select(vec![Ipv4Addr::new(100, 96, 0, 0), Ipv4Addr::new(8, 96, 0, 0)]);
    let pools6 = select(vec![
        Ipv6Addr::new(0xfd96, 0, 0, 0, 0, 0, 0, 0),
        Ipv6Addr::new(0x2a00, 0, 0, 0, 0, 0, 0, 0),
    ]);
    let parts = (
        vec(select(servers.to_vec()), 0..3),
        pools4,
        option::weighted(0.8, pools6),
        vec(networks(), 0..3),
        option::of(select(endpoints.to_vec())),
    );
    parts.prop_map(|(dns_servers, pool4, pool6, internal_networks, endpoint)| {
        let next4 = Ipv4Addr::from_bits(pool4.to_bits() + 1);
        let next6 = pool6.map(|base| Ipv6Addr::from_bits(base.to_bits() + 1));
        let tunnel6 = pool6.map(|base| v6(base, 64));
        Surroundings {
            dns_servers,
            gateway_addresses: Addresses { v4: next4, v6: next6 },
            has_v6: pool6.is_some(),
            internal_networks,
            tunnel_networks: [v4(pool4, 16)].into_iter().chain(tunnel6).collect(),
            endpoint,
        }
    })
}

/// Random cases; some have a full tunnel.
pub fn cases() -> impl Strategy<Value = Case> {
    prop_oneof![2 => cases_of(false), 1 => cases_of(true)]
}

/// Random cases; with `tunnels`, about a sixth of the allow policies are full tunnels.
pub fn cases_of(tunnels: bool) -> impl Strategy<Value = Case> {
    (vec(rules(tunnels), 0..9), surroundings()).prop_map(|(rules, around)| Case { rules, around })
}

/// Protocols and ports such that policies that treat all of these alike treat all packets alike.
#[must_use]
pub fn services_of_interest(case: &Case) -> Vec<(Protocol, Option<u16>)> {
    let mut ports = vec![0, 52, 53, 54, 443, u16::MAX];
    let mut numbers = vec![0, 1, 6, 17, 47, 58, 253, u8::MAX];
    for service in case.rules.iter().flat_map(|rule| &rule.services) {
        let number = service.protocol.0;
        numbers.extend([number, number.saturating_sub(1), number.saturating_add(1)]);
        for range in &service.ports {
            ports.extend([range.first, range.first.saturating_sub(1)]);
            ports.extend([range.last, range.last.saturating_add(1)]);
        }
    }
    ports.sort_unstable();
    ports.dedup();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
        .into_iter()
        .map(Protocol)
        .flat_map(|protocol| {
            let with_ports = ports.iter().map(|port| Some(*port)).collect();
            let each: Vec<_> = if protocol.has_ports() { with_ports } else { vec![None] };
            each.into_iter().map(move |port| (protocol, port))
        })
        .collect()
}

/// The first and last address of each network and their neighbours, and the single addresses that
/// matter.
fn addresses_of_interest(case: &Case) -> Vec<IpAddr> {
    let around = &case.around;
    let destinations = case.rules.iter().flat_map(|rule| rule.destinations.iter().copied());
    let mut networks: Vec<IpNetwork> = destinations.collect();
    networks.extend(around.internal_networks.iter().chain(&around.tunnel_networks));
    networks.extend(around.dns_servers.iter().copied().map(IpNetwork::from));
    networks.extend(around.gateway_addresses.iter().map(IpNetwork::from));
    networks.extend(around.endpoint.map(IpNetwork::from));
    let mut list: Vec<IpAddr> = networks.into_iter().flat_map(edges).collect();
    if case.rules.iter().any(|rule| rule.full_tunnel) {
        let special: Vec<_> =
            reference::registry().flat_map(|(network, _)| edges(network)).collect();
        // As many as the others, or they would hardly be met.
        list.extend(special.iter().step_by(special.len().div_ceil(list.len())));
        list.extend(special);
    }
    list
}

fn edges(network: IpNetwork) -> [IpAddr; 4] {
    match network {
        IpNetwork::V4(network) => {
            let (first, last) = (network.network().to_bits(), network.broadcast().to_bits());
            [first, first.wrapping_sub(1), last, last.wrapping_add(1)]
                .map(|bits| Ipv4Addr::from_bits(bits).into())
        }
        IpNetwork::V6(network) => {
            let (first, last) = (network.network().to_bits(), network.broadcast().to_bits());
            [first, first.wrapping_sub(1), last, last.wrapping_add(1)]
                .map(|bits| Ipv6Addr::from_bits(bits).into())
        }
    }
}

/// Packets to probe a case with, most of them at boundaries of its policies.
pub fn probes(case: &Case, count: usize) -> impl Strategy<Value = Vec<Packet>> + use<> {
    let near4 = (0u32..1 << 12)
        .prop_map(|host| Ipv4Addr::from_bits(Ipv4Addr::new(10, 20, 0, 0).to_bits() + host).into());
    let dst = prop_oneof![
        8 => select(addresses_of_interest(case)),
        1 => near4,
        1 => any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).into()),
        1 => any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).into()),
    ];
    let anything = (any::<u8>(), any::<u16>()).prop_map(|(number, port)| {
        let protocol = Protocol(number);
        (protocol, protocol.has_ports().then_some(port))
    });
    let service = prop_oneof![9 => select(services_of_interest(case)), 1 => anything];
    vec((dst, service), count).prop_map(|list| {
        list.into_iter().map(|(dst, (protocol, port))| Packet { dst, protocol, port }).collect()
    })
}
