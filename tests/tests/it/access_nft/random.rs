//! Random scenarios, and random packets to try them with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use nexavpn_domain::{
    access::{Packet, Rule, testing, testing::Case},
    values::{PolicyEffect, Pool, Protocol, Target},
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::scenario::{
    Fate, GROUPS, Life, Policy, SENDERS, SILENT, Scenario, USERS, addresses, device, group,
    in_order, pool_of, user,
};

fn targets() -> impl Strategy<Value = Target> {
    prop_oneof![
        6 => Just(Target::Everyone),
        3 => (0..SENDERS).prop_map(|n| Target::Device(device(n))),
        // One more than there are: nobody.
        3 => (0..=USERS).prop_map(|n| Target::User(user(n))),
        3 => (0..=GROUPS).prop_map(|n| Target::Group(group(n))),
    ]
}

fn lives() -> impl Strategy<Value = Life> {
    prop_oneof![40 => Just(Life::Active), 1 => Just(Life::Disabled), 1 => Just(Life::Gone)]
}

/// Packets to addresses that matter beyond policies: the silent device, the gateway itself.
fn special(pool: &Pool) -> impl Strategy<Value = Packet> + use<> {
    let silent = addresses(pool, SILENT);
    let own = pool.gateway_addresses();
    let dst: Vec<IpAddr> = silent.iter().chain(silent.iter()).chain(own.iter()).collect();
    let numbers = select(vec![1u8, 6, 6, 17, 17, 47, 58, 132]);
    let ports = select(vec![22u16, 53, 53, 443, 8050]);
    (select(dst), numbers, ports).prop_map(|(dst, number, port)| packet(dst, number, port))
}

/// Packets that some policy allows, if none before it denies them: probes at boundaries alone are
/// denied nearly always.
fn aimed(rules: &[Rule]) -> impl Strategy<Value = Packet> + use<> {
    let mut list = Vec::new();
    for rule in rules.iter().filter(|rule| rule.effect == PolicyEffect::Allow) {
        let mut dst: Vec<IpAddr> = rule.destinations.iter().flat_map(some_of).collect();
        if rule.full_tunnel {
            dst.extend(["1.1.1.1", "2606:4700::1111"].map(|ip| ip.parse::<IpAddr>().unwrap()));
        }
        let mut services = Vec::new();
        for service in &rule.services {
            let ports = service.ports.iter().flat_map(|ports| [ports.first, ports.last]);
            services.extend(ports.chain([443]).map(|port| (service.protocol.0, port)));
        }
        if services.is_empty() {
            services.extend([(6, 443), (17, 53), (1, 0), (58, 0), (132, 1), (50, 0)]);
        }
        for ip in dst {
            list.extend(services.iter().map(|(number, port)| packet(ip, *number, *port)));
        }
    }
    if list.is_empty() {
        list.push(packet(IpAddr::from([10, 20, 0, 1]), 6, 443));
    }
    select(list)
}

/// The first, the last and a middle address.
fn some_of(network: &IpNetwork) -> [IpAddr; 3] {
    let middle = |first: u128, last: u128| first + (last - first) / 2;
    match network {
        IpNetwork::V4(network) => {
            let [first, last] = [network.network(), network.broadcast()].map(|ip| ip.to_bits());
            let middle = u32::try_from(middle(first.into(), last.into())).unwrap();
            [first, last, middle].map(|bits| Ipv4Addr::from_bits(bits).into())
        }
        IpNetwork::V6(network) => {
            let [first, last] = [network.network(), network.broadcast()].map(|ip| ip.to_bits());
            [first, last, middle(first, last)].map(|bits| Ipv6Addr::from_bits(bits).into())
        }
    }
}

fn packet(dst: IpAddr, number: u8, port: u16) -> Packet {
    let protocol = Protocol(number);
    Packet { dst, protocol, port: protocol.has_ports().then_some(port) }
}

/// Scenarios with so many probes. Those that no firewall decides about are left out.
pub(super) fn scenarios(probes: usize) -> impl Strategy<Value = Scenario> {
    let targets = prop_oneof![1 => Just(vec![]), 12 => vec(targets(), 1..4)];
    let policy = (targets, fates(), 0u8..6);
    let people = (
        vec(lives(), USERS),
        vec((vec(0..USERS, 0..3), prop::bool::weighted(0.1)), GROUPS),
        vec((0..USERS, lives()), SENDERS + 1),
    );
    (testing::cases(), vec(policy, 8), people).prop_flat_map(
        move |(case, extras, (users, groups, devices))| {
            let around = case.around;
            let pool = pool_of(&around);
            let rules = in_order(case.rules).into_iter().zip(extras);
            let policies: Vec<Policy> = rules
                .map(|(mut rule, (targets, fate, peer))| {
                    if peer == 0 {
                        rule.destinations
                            .extend(addresses(&pool, SILENT).iter().map(IpNetwork::from));
                    }
                    Policy { rule, targets, fate }
                })
                .collect();
            let rules: Vec<Rule> = policies.iter().map(|policy| policy.rule.clone()).collect();
            let choices = vec((0u8..20, aimed(&rules), special(&pool)), probes);
            let general = testing::probes(&Case { rules, around: around.clone() }, probes);
            (general, choices, vec(0..SENDERS, probes)).prop_map(
                move |(general, choices, senders)| {
                    let choices = general.into_iter().zip(choices);
                    let packets = choices.map(|(general, (which, aimed, special))| match which {
                        0..10 => general,
                        10..17 => aimed,
                        _ => special,
                    });
                    let mut scenario = Scenario {
                        probes: senders.into_iter().zip(packets).collect(),
                        around: around.clone(),
                        pool,
                        policies: policies.clone(),
                        users: users.clone(),
                        groups: groups.clone(),
                        devices: devices.clone(),
                    };
                    scenario.leave_out_undecided();
                    scenario
                },
            )
        },
    )
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::InForce),
        3 => Just(Fate::Changed),
        1 => Just(Fate::Disabled),
        1 => Just(Fate::NotYetValid),
        1 => Just(Fate::Expired),
        1 => Just(Fate::Deleted),
    ]
}

/// Whether the firewall gets to decide about such a packet. The kernel itself never forwards some
/// destinations, and to connection tracking some protocols make no sense.
fn is_decided(packet: &Packet, pool: &Pool) -> bool {
    let Protocol(number) = packet.protocol;
    match packet.dst {
        IpAddr::V4(ip) => {
            let martian = matches!(ip.octets()[0], 0 | 127 | 224..=239) || ip.is_broadcast();
            // The pool's own network and broadcast address: those are the kernel's, no device's.
            let broadcast = [pool.v4.network(), pool.v4.broadcast()].contains(&ip);
            // ICMP of the other family is invalid.
            !martian && !broadcast && number != 58
        }
        IpAddr::V6(ip) => {
            let martian = ip.is_multicast()
                || ip.is_unicast_link_local()
                || ip.is_loopback()
                || ip.is_unspecified();
            // The pool's first address is the subnet-router anycast address of RFC 4291.
            let anycast = pool.v6.is_some_and(|network| network.network() == ip);
            // Extension headers are not what is carried, and 59 says that nothing is.
            !martian && !anycast && !matches!(number, 0 | 1 | 43 | 44 | 51 | 59 | 60)
        }
    }
}

impl Scenario {
    fn leave_out_undecided(&mut self) {
        let peers: Vec<bool> = (0..SENDERS).map(|n| self.rules_of(n).is_some()).collect();
        let own = self.pool.gateway_addresses();
        self.probes.retain(|(n, packet)| {
            // The gateway answers the echo requests of whoever gets through WireGuard, which is
            // not here to stop those who are no peers.
            let echo = own.iter().any(|ip| ip == packet.dst)
                && matches!(packet.protocol, Protocol::ICMP | Protocol::ICMPV6);
            is_decided(packet, &self.pool) && (peers[*n] || !echo)
        });
    }
}
