//! What a profile opens of TCP and UDP, as rules that are cheap for a packet.
//!
//! A concatenated set with ranges takes some 110 kB of the kernel's memory for a profile in IPv4
//! and 300 kB in IPv6, and a look into it goes to a dozen places of that. Most profiles open few
//! services, each of them on many addresses: a comparison for each service, and a look into a set
//! of addresses, which takes 17 kB.
//!
//! Other protocols stay in such a set. nft 1.0.6 cannot list a rule about a port of a protocol
//! such as 41, and so cannot change its table any more.

use std::collections::BTreeMap;

use nexavpn_bundle::PortBox;

/// Beyond so many services of one family, the look into one large set is cheaper.
const MOST: usize = 8;
/// TCP and UDP.
const PROTOCOLS: [&str; 2] = ["6", "17"];

/// The boxes of one family of a profile.
#[derive(Debug, PartialEq, Eq)]
pub struct Services<'a> {
    /// Addresses, as ranges. Services that are open on the same ones share them.
    pub addresses: Vec<Vec<&'a str>>,
    /// Each service, and which of the addresses have it.
    pub services: Vec<(Service<'a>, usize)>,
    /// What is open besides.
    pub others: Vec<&'a PortBox>,
}

/// A protocol and a range of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service<'a> {
    /// As in a [`PortBox`].
    pub proto: &'a str,
    /// As in a [`PortBox`].
    pub ports: &'a str,
}

impl<'a> Services<'a> {
    /// Sorts boxes by service; where there are too many services, none is one.
    #[must_use]
    pub fn of(boxes: &'a [PortBox]) -> Self {
        let mut open: BTreeMap<Service<'a>, Vec<&'a str>> = BTreeMap::new();
        let mut found = Self { addresses: Vec::new(), services: Vec::new(), others: Vec::new() };
        for one @ PortBox { dst, proto, ports } in boxes {
            if PROTOCOLS.contains(&proto.as_str()) {
                open.entry(Service { proto, ports }).or_default().push(dst);
            } else {
                found.others.push(one);
            }
        }
        if open.len() > MOST {
            found.others = boxes.iter().collect();
            return found;
        }
        for (service, mut addresses) in open {
            addresses.sort_unstable();
            let known = found.addresses.iter().position(|others| *others == addresses);
            let index = known.unwrap_or(found.addresses.len());
            if known.is_none() {
                found.addresses.push(addresses);
            }
            found.services.push((service, index));
        }
        found
    }
}

/// The name of a set of addresses of a profile's services.
#[must_use]
pub fn set_name(profile: &str, family: &str, index: usize) -> String {
    format!("{profile}_{family}s{index}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes(texts: &[[&str; 3]]) -> Vec<PortBox> {
        let one = |[dst, proto, ports]: &[&str; 3]| PortBox {
            dst: (*dst).to_owned(),
            proto: (*proto).to_owned(),
            ports: (*ports).to_owned(),
        };
        texts.iter().map(one).collect()
    }

    #[test]
    fn services_on_the_same_addresses_share_them() {
        let boxes = boxes(&[
            ["10.0.0.1-10.0.0.1", "6", "443-443"],
            ["10.0.0.9-10.0.0.9", "6", "443-443"],
            ["10.0.0.9-10.0.0.9", "17", "443-443"],
            ["10.0.0.1-10.0.0.1", "17", "443-443"],
            ["10.0.0.1-10.0.0.1", "6", "80-80"],
            ["10.0.0.2-10.0.0.2", "0-5", "0-65535"],
            ["10.0.0.2-10.0.0.2", "41", "0-65535"],
        ]);
        let found = Services::of(&boxes);
        let service = |proto, ports| Service { proto, ports };
        assert_eq!(
            found.addresses,
            [vec!["10.0.0.1-10.0.0.1", "10.0.0.9-10.0.0.9"], vec!["10.0.0.1-10.0.0.1"]]
        );
        assert_eq!(
            found.services,
            [
                (service("17", "443-443"), 0),
                (service("6", "443-443"), 0),
                (service("6", "80-80"), 1)
            ]
        );
        assert_eq!(found.others, [&boxes[5], &boxes[6]]);
    }

    #[test]
    fn many_services_are_left_to_one_set() {
        let ports: Vec<String> = (1..=9).map(|port| format!("{port}-{port}")).collect();
        let texts: Vec<[&str; 3]> =
            ports.iter().map(|ports| ["10.0.0.1-10.0.0.1", "6", ports.as_str()]).collect();
        let many = boxes(&texts);
        let found = Services::of(&many);
        assert_eq!((found.services.len(), found.others.len()), (0, 9));
        let found = Services::of(&many[..8]);
        assert_eq!((found.services.len(), found.others.len()), (8, 0));
        assert_eq!(found.addresses.len(), 1);
    }
}
