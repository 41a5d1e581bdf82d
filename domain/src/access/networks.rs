//! Access as networks: AllowedIPs and resources.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};

use super::{
    Access, Opened, Resource,
    interval::{Family, Interval, networks, subtract, union},
    services::Interner,
    sweep::Swept,
};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

impl Access {
    pub(super) fn list_allowed_ips(&self) -> Vec<IpNetwork> {
        if self.is_full_tunnel() {
            return everything();
        }
        let opened = Opened::new(&Swept::new(self, &mut Interner::new()));
        let of_family = |family| covering(family, opened.of(family).to_vec());
        FAMILIES.into_iter().flat_map(of_family).collect()
    }

    pub(super) fn has_openings(&self) -> bool {
        self.rules.iter().any(|rule| rule.allows())
            && !Opened::new(&Swept::new(self, &mut Interner::new())).is_empty()
    }

    pub(super) fn list_routes(&self, opened: &Opened) -> Vec<IpNetwork> {
        if self.is_full_tunnel() {
            return everything();
        }
        let around = &self.surroundings;
        let mut list = Vec::new();
        for family in FAMILIES {
            let mut ranges = opened.of(family).to_vec();
            let usable = |ip: &IpAddr| Family::of(*ip) == family && around.has_family_of(*ip);
            let servers = around.dns_servers.iter().copied().filter(usable);
            ranges.extend(servers.map(Interval::single));
            if let Some(endpoint) = around.endpoint.filter(|ip| Family::of(*ip) == family) {
                subtract(&mut ranges, Interval::single(endpoint));
            }
            // Last, so that the list is never empty.
            ranges.extend(around.gateway_addresses.iter().filter(usable).map(Interval::single));
            list.extend(covering(family, ranges));
        }
        list
    }

    pub(super) fn list_resources(&self) -> Vec<Resource> {
        let mut sets = Interner::new();
        let mut list = Vec::new();
        for family in FAMILIES {
            // Where only the services change, the resource goes on.
            let mut parts: Vec<(Interval, usize)> = Vec::new();
            for piece in self.sweep(family, &mut sets) {
                let Some(place) = piece.opened_by else { continue };
                match parts.last_mut() {
                    Some((range, before)) if *before == place && range.touches(&piece.range) => {
                        range.last = piece.range.last;
                    }
                    _ => parts.push((piece.range, place)),
                }
            }
            for (range, place) in parts {
                let label = self.rules.get(place).map_or("", |rule| &rule.name);
                let label_each = |network| Resource { network, label: label.to_owned() };
                list.extend(networks(family, range).into_iter().map(label_each));
            }
        }
        list
    }
}

/// `0.0.0.0/0` and `::/0`, the latter without an IPv6 pool too: dropped there, not leaked.
fn everything() -> Vec<IpNetwork> {
    let v4 = Ipv4Network::new(Ipv4Addr::UNSPECIFIED, 0).map(IpNetwork::V4);
    let v6 = Ipv6Network::new(Ipv6Addr::UNSPECIFIED, 0).map(IpNetwork::V6);
    v4.into_iter().chain(v6).collect()
}

fn covering(family: Family, ranges: Vec<Interval>) -> Vec<IpNetwork> {
    union(ranges).into_iter().flat_map(|range| networks(family, range)).collect()
}
