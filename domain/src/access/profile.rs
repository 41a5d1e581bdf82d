//! Access as disjoint accepting boxes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    Access, Packet,
    interval::{Family, Interval, v4},
    services::{Interner, SetId},
    sweep::{Piece, Swept},
};

/// A device's access as the gateway's firewall takes it: disjoint boxes, all of them accepting, in
/// canonical form. Equal access is an equal value, whatever policies made it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlatProfile {
    /// IPv4 ranges open to every protocol and port.
    pub v4: Vec<(Ipv4Addr, Ipv4Addr)>,
    /// IPv6 ranges open to every protocol and port.
    pub v6: Vec<(Ipv6Addr, Ipv6Addr)>,
    /// IPv4 ranges open to some protocols and ports.
    pub v4_ports: Vec<PortBox>,
    /// IPv6 ranges open to some protocols and ports.
    pub v6_ports: Vec<PortBox>,
}

/// Addresses × protocols × destination ports, all inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortBox {
    /// The first address.
    pub first: IpAddr,
    /// The last address, of the same family.
    pub last: IpAddr,
    /// The first and last protocol number.
    pub protocols: (u8, u8),
    /// The first and last port; 0–65535 for protocols without ports.
    pub ports: (u16, u16),
}

impl FlatProfile {
    /// How many boxes there are, which is what a gateway's firewall has to hold.
    #[must_use]
    pub fn box_count(&self) -> usize {
        self.v4.len() + self.v6.len() + self.v4_ports.len() + self.v6_ports.len()
    }

    /// Whether nothing passes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.v4.is_empty()
            && self.v6.is_empty()
            && self.v4_ports.is_empty()
            && self.v6_ports.is_empty()
    }

    /// Whether a packet lies in one of the boxes.
    #[must_use]
    pub fn contains(&self, packet: &Packet) -> bool {
        let ports = match packet.dst {
            IpAddr::V4(ip) if self.v4.iter().any(|(a, b)| (*a..=*b).contains(&ip)) => return true,
            IpAddr::V6(ip) if self.v6.iter().any(|(a, b)| (*a..=*b).contains(&ip)) => return true,
            IpAddr::V4(_) => &self.v4_ports,
            IpAddr::V6(_) => &self.v6_ports,
        };
        let port = packet.port_or_zero();
        ports.iter().any(|one| {
            (one.first..=one.last).contains(&packet.dst)
                && (one.protocols.0..=one.protocols.1).contains(&packet.protocol.0)
                && (one.ports.0..=one.ports.1).contains(&port)
        })
    }
}

impl FlatProfile {
    pub(super) fn new(swept: &Swept, sets: &Interner) -> Self {
        let (v4_pieces, v6_pieces) = (equal_services(&swept.v4), equal_services(&swept.v6));
        let open = |pieces: &[(Interval, SetId)]| -> Vec<Interval> {
            pieces.iter().filter(|(_, id)| *id == Interner::ALL).map(|(range, _)| *range).collect()
        };
        let v6 = Ipv6Addr::from_bits;
        Self {
            v4: open(&v4_pieces).iter().map(|r| (v4(r.first), v4(r.last))).collect(),
            v6: open(&v6_pieces).iter().map(|r| (v6(r.first), v6(r.last))).collect(),
            v4_ports: port_boxes(Family::V4, &v4_pieces, sets),
            v6_ports: port_boxes(Family::V6, &v6_pieces, sets),
        }
    }
}

impl Access {
    pub(super) fn count_boxes(&self) -> usize {
        let mut sets = Interner::new();
        let mut boxes: usize = 0;
        for family in [Family::V4, Family::V6] {
            for (_, id) in equal_services(&self.sweep(family, &mut sets)) {
                // One run here too where everything is open.
                let ports = sets.runs(id).iter().map(|run| run.ports.len());
                boxes = boxes.saturating_add(ports.sum());
            }
        }
        boxes
    }
}

/// Swept pieces, neighbours with the same services merged: the firewall does not mind which policy
/// opens them.
fn equal_services(pieces: &[Piece]) -> Vec<(Interval, SetId)> {
    let mut merged: Vec<(Interval, SetId)> = Vec::new();
    for piece in pieces {
        match merged.last_mut() {
            Some((range, id)) if *id == piece.services && range.touches(&piece.range) => {
                range.last = piece.range.last;
            }
            _ => merged.push((piece.range, piece.services)),
        }
    }
    merged
}

fn port_boxes(family: Family, pieces: &[(Interval, SetId)], sets: &Interner) -> Vec<PortBox> {
    let mut boxes = Vec::new();
    for (range, id) in pieces.iter().filter(|(_, id)| *id != Interner::ALL) {
        for run in sets.runs(*id) {
            boxes.extend(run.ports.iter().map(|ports| PortBox {
                first: family.ip(range.first),
                last: family.ip(range.last),
                protocols: run.protocols,
                ports: *ports,
            }));
        }
    }
    boxes
}
