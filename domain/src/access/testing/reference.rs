//! The meaning of policies once more: slowly, straight from section 4 of the design, and without
//! any of the evaluator's code, so that a mistake must be made twice to stay unseen.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use crate::{
    access::{DecidedBy, Decision, Packet, Rule, Surroundings},
    values::{PolicyEffect, Protocol},
};

/// What happens to a packet.
#[must_use]
pub fn decide(rules: &[Rule], around: &Surroundings, packet: &Packet) -> Decision {
    let denied_by_default = Decision { allowed: false, by: DecidedBy::Default };
    if packet.dst.is_ipv6() && !around.has_v6 {
        return denied_by_default;
    }
    let gateway = Some(packet.dst) == Some(IpAddr::V4(around.gateway_addresses.v4))
        || Some(packet.dst) == around.gateway_addresses.v6.map(IpAddr::V6);
    let echo = if packet.dst.is_ipv4() { Protocol(1) } else { Protocol(58) };
    if gateway && packet.protocol == echo {
        return Decision { allowed: true, by: DecidedBy::BuiltInEcho };
    }

    let mut order: Vec<&Rule> = rules.iter().collect();
    order.sort_by(|a, b| {
        let deny_first = |rule: &Rule| match rule.effect {
            PolicyEffect::Deny => 0,
            PolicyEffect::Allow => 1,
        };
        (a.priority.cmp(&b.priority))
            .then(deny_first(a).cmp(&deny_first(b)))
            .then(a.age.cmp(&b.age))
            .then(a.id.cmp(&b.id))
    });
    for rule in order {
        let allow = rule.effect == PolicyEffect::Allow;
        let mut about = rule.destinations.iter().any(|network| network.contains(packet.dst));
        if allow && rule.full_tunnel && is_public(packet.dst) {
            let mut closed = around.internal_networks.iter().chain(&around.tunnel_networks);
            about |= closed.all(|network| !network.contains(packet.dst));
        }
        if allow && gateway {
            about = false;
        }
        let mut serves = rule.services.is_empty();
        for service in &rule.services {
            let with_ports = [6, 17, 33, 132, 136].contains(&service.protocol.0);
            let port = packet.port.unwrap_or(0);
            let port_fits = !with_ports
                || service.ports.is_empty()
                || service.ports.iter().any(|range| range.first <= port && port <= range.last);
            serves |= service.protocol == packet.protocol && port_fits;
        }
        if about && serves {
            return Decision { allowed: allow, by: DecidedBy::Policy(rule.id) };
        }
    }
    let dns = [6, 17].contains(&packet.protocol.0) && packet.port == Some(53);
    if dns && around.dns_servers.contains(&packet.dst) {
        return Decision { allowed: true, by: DecidedBy::BuiltInDns };
    }
    denied_by_default
}

/// The first policy that allows something at an address; `services` must hold a packet of every
/// kind that the policies tell apart ([`super::services_of_interest`]).
#[must_use]
pub fn opened_by<'a>(
    rules: &'a [Rule],
    around: &Surroundings,
    dst: IpAddr,
    services: &[(Protocol, Option<u16>)],
) -> Option<&'a Rule> {
    let opening = services.iter().filter_map(|(protocol, port)| {
        let packet = Packet { dst, protocol: *protocol, port: *port };
        match decide(rules, around, &packet) {
            Decision { allowed: true, by: DecidedBy::Policy(id) } => {
                rules.iter().find(|rule| rule.id == id)
            }
            _ => None,
        }
    });
    opening.min_by_key(|rule| (rule.priority, rule.age, rule.id))
}

/// All rows of the IANA special-purpose registries (2025-10-09) that a public address may meet,
/// with "Globally Reachable" as they have it; N/A is written as false.
const REGISTRY: &[(&str, bool)] = &[
    ("0.0.0.0/8", false),
    ("0.0.0.0/32", false),
    ("10.0.0.0/8", false),
    ("100.64.0.0/10", false),
    ("127.0.0.0/8", false),
    ("169.254.0.0/16", false),
    ("172.16.0.0/12", false),
    ("192.0.0.0/24", false),
    ("192.0.0.0/29", false),
    ("192.0.0.8/32", false),
    ("192.0.0.9/32", true),
    ("192.0.0.10/32", true),
    ("192.0.0.170/32", false),
    ("192.0.0.171/32", false),
    ("192.0.2.0/24", false),
    ("192.31.196.0/24", true),
    ("192.52.193.0/24", true),
    ("192.88.99.0/24", false),
    ("192.88.99.2/32", false),
    ("192.168.0.0/16", false),
    ("192.175.48.0/24", true),
    ("198.18.0.0/15", false),
    ("198.51.100.0/24", false),
    ("203.0.113.0/24", false),
    ("240.0.0.0/4", false),
    ("255.255.255.255/32", false),
    ("::1/128", false),
    ("::/128", false),
    ("::ffff:0:0/96", false),
    ("64:ff9b:1::/48", false),
    ("100::/64", false),
    ("100:0:0:1::/64", false),
    ("2001::/23", false),
    ("2001::/32", false),
    ("2001:1::1/128", true),
    ("2001:1::2/128", true),
    ("2001:1::3/128", true),
    ("2001:2::/48", false),
    ("2001:3::/32", true),
    ("2001:4:112::/48", true),
    ("2001:10::/28", false),
    ("2001:20::/28", true),
    ("2001:30::/28", true),
    ("2001:db8::/32", false),
    ("2002::/16", false),
    ("2620:4f:8000::/48", true),
    ("3fff::/20", false),
    ("5f00::/16", false),
    ("fc00::/7", false),
    ("fe80::/10", false),
];

/// The networks of the registries, for probes around their boundaries.
pub(super) fn registry() -> impl Iterator<Item = (IpNetwork, bool)> {
    REGISTRY.iter().filter_map(|(text, reachable)| Some((text.parse().ok()?, *reachable)))
}

/// Whether an address is on the public internet.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    let assigned = match ip {
        IpAddr::V4(ip) => ip.octets()[0] < 224,
        IpAddr::V6(ip) => ip.octets()[0] >> 5 == 1,
    };
    let entry = registry().filter(|(network, _)| network.contains(ip));
    let special = entry.max_by_key(|(network, _)| network.prefix());
    assigned && special.is_none_or(|(_, reachable)| reachable)
}
