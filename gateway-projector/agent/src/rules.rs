//! A profile as rules and sets, such that a packet costs little and a profile takes little of the
//! kernel's memory.
//!
//! What opens little is a rule for each range of addresses, behind one another in the memory. A set
//! of addresses takes 17 kB, one of addresses with ports some 110 kB in IPv4 and 300 kB in IPv6, and
//! a look into it goes to as many places of that as it takes steps. So a profile with many ranges and
//! few services has a rule for each service with a set of addresses, which services share, and only
//! the largest ones have addresses and ports in one set.
//!
//! Rules decide by what the connection's first packet asked for (`ct original`), so one rule is
//! enough for both directions, and translations of addresses by others change nothing. The kernel does
//! not know the ports of other protocols than TCP and UDP for certain: such connections are decided
//! by the headers of each packet.

use std::collections::{BTreeMap, BTreeSet};

use nexavpn_bundle::{PortBox, Profile};

/// So many ranges of one family that are open to all protocols are a rule each.
const FEW_OPEN: usize = 8;
/// And so many of those that are open to some: only what comes last passes all of them.
const FEW_SERVED: usize = 16;
/// Beyond so many services of one family, the look into one large set is cheaper.
const MOST_SERVICES: usize = 8;
/// TCP and UDP.
const WITH_PORTS: [&str; 2] = ["6", "17"];
/// All ports, or none.
const ANY_PORT: &str = "0-65535";

/// What is open in one family, in the order in which rules are looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rules<'a> {
    /// They accept.
    pub rules: Vec<Rule<'a>>,
    /// What rules refer to. None is empty.
    pub sets: Vec<Set<'a>>,
}

/// What a rule accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule<'a> {
    /// A range of addresses, as in a [`Profile`].
    Range(&'a str, Option<Service<'a>>),
    /// The addresses of a set.
    Addresses(String, Option<Service<'a>>),
    /// The addresses and ports of a set, of one protocol.
    Ports(String, &'a str),
    /// The boxes of a set, by the headers of packets.
    Boxes(String),
}

/// Protocols and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service<'a> {
    /// As in a [`PortBox`].
    pub proto: &'a str,
    /// As in a [`PortBox`]; `None` for all, or none.
    pub ports: Option<&'a str>,
}

impl<'a> Service<'a> {
    /// `None` where the kernel may not know the ports.
    fn of(PortBox { proto, ports, .. }: &'a PortBox) -> Option<Self> {
        let ports = (ports != ANY_PORT).then_some(ports.as_str());
        (ports.is_none() || WITH_PORTS.contains(&proto.as_str())).then_some(Self { proto, ports })
    }
}

/// A named set.
#[derive(Debug, PartialEq, Eq)]
pub struct Set<'a> {
    /// Begins with the profile's name.
    pub name: String,
    /// What is in it.
    pub elements: Elements<'a>,
}

/// What is in a set, as in a [`Profile`].
#[derive(Debug, PartialEq, Eq)]
pub enum Elements<'a> {
    /// Ranges of addresses.
    Addresses(Vec<&'a str>),
    /// Addresses and ports of one protocol.
    Ports(Vec<&'a PortBox>),
    /// Addresses, protocols and ports.
    Boxes(Vec<&'a PortBox>),
}

impl<'a> Rules<'a> {
    /// Of both families of a profile, IPv4 first.
    #[must_use]
    pub fn of(name: &str, profile: &'a Profile) -> [Self; 2] {
        let Profile { v4, v6, v4_ports, v6_ports } = profile;
        [("4", v4, v4_ports), ("6", v6, v6_ports)].map(|(family, open, ports)| {
            let mut rules = Self::default();
            rules.open(format!("{name}_{family}"), open);
            rules.services(&format!("{name}_{family}"), ports);
            rules
        })
    }

    fn open(&mut self, set: String, ranges: &'a [String]) {
        if ranges.len() <= FEW_OPEN {
            self.rules.extend(ranges.iter().map(|range| Rule::Range(range, None)));
        } else {
            let addresses = ranges.iter().map(String::as_str).collect();
            self.set(set.clone(), Elements::Addresses(addresses));
            self.rules.push(Rule::Addresses(set, None));
        }
    }

    fn services(&mut self, prefix: &str, ports: &'a [PortBox]) {
        let (mut known, mut others) = (Vec::new(), Vec::new());
        for one in ports {
            match Service::of(one) {
                Some(service) => known.push((service, one)),
                None => others.push(one),
            }
        }
        let different: BTreeSet<Service<'_>> = known.iter().map(|(service, _)| *service).collect();
        if known.len() <= FEW_SERVED {
            let range = |(service, one): &(_, &'a PortBox)| Rule::Range(&one.dst, Some(*service));
            self.rules.extend(known.iter().map(range));
        } else if different.len() <= MOST_SERVICES {
            self.by_service(prefix, known);
        } else {
            others.extend(self.by_protocol(prefix, known));
        }
        if !others.is_empty() {
            others.sort_unstable_by_key(|PortBox { dst, proto, ports }| (dst, proto, ports));
            let set = format!("{prefix}p");
            self.set(set.clone(), Elements::Boxes(others));
            self.rules.push(Rule::Boxes(set));
        }
    }

    /// Services that are open on the same addresses share their set.
    fn by_service(&mut self, prefix: &str, known: Vec<(Service<'a>, &'a PortBox)>) {
        let mut open: BTreeMap<Service<'a>, Vec<&'a str>> = BTreeMap::new();
        for (service, PortBox { dst, .. }) in known {
            open.entry(service).or_default().push(dst);
        }
        let mut sets: BTreeMap<Vec<&'a str>, String> = BTreeMap::new();
        for (service, addresses) in open {
            let next = format!("{prefix}s{}", sets.len());
            let set = sets.entry(addresses).or_insert(next);
            self.rules.push(Rule::Addresses(set.clone(), Some(service)));
        }
        let mut sets: Vec<_> =
            sets.into_iter().map(|(addresses, name)| (name, addresses)).collect();
        sets.sort_unstable();
        for (name, addresses) in sets {
            self.set(name, Elements::Addresses(addresses));
        }
    }

    /// Gives back what has another protocol.
    fn by_protocol(
        &mut self,
        prefix: &str,
        known: Vec<(Service<'a>, &'a PortBox)>,
    ) -> Vec<&'a PortBox> {
        let mut rest: Vec<_> = known.into_iter().map(|(_, one)| one).collect();
        for proto in WITH_PORTS {
            let (of_it, others) = rest.into_iter().partition::<Vec<_>, _>(|one| one.proto == proto);
            rest = others;
            if !of_it.is_empty() {
                let set = format!("{prefix}p{proto}");
                self.set(set.clone(), Elements::Ports(of_it));
                self.rules.push(Rule::Ports(set, proto));
            }
        }
        rest
    }

    fn set(&mut self, name: String, elements: Elements<'a>) {
        self.sets.push(Set { name, elements });
    }
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

    fn profile(v4: Vec<String>, v4_ports: Vec<PortBox>) -> Profile {
        Profile { v4, v4_ports, ..Profile::default() }
    }

    fn of(profile: &Profile) -> Rules<'_> {
        let [v4, v6] = Rules::of("p", profile);
        assert_eq!(v6, Rules::default());
        v4
    }

    fn range(n: usize) -> String {
        format!("10.0.{n}.0-10.0.{n}.9")
    }

    fn service<'a>(proto: &'a str, ports: &'a str) -> Service<'a> {
        Service { proto, ports: Some(ports) }
    }

    #[test]
    fn few_ranges_are_a_rule_each() {
        let one = "10.0.0.1-10.0.0.1";
        let ports = boxes(&[[one, "0-5", "0-65535"], [one, "6", "443-443"], [one, "132", "9-9"]]);
        let profile = profile(vec![range(1), range(2)], ports.clone());
        let found = of(&profile);
        let (first, second) = (range(1), range(2));
        let rules = [
            Rule::Range(&first, None),
            Rule::Range(&second, None),
            Rule::Range(one, Some(Service { proto: "0-5", ports: None })),
            Rule::Range(one, Some(service("6", "443-443"))),
            Rule::Boxes("p_4p".to_owned()),
        ];
        assert_eq!(found.rules, rules);
        let elements = Elements::Boxes(vec![&ports[2]]);
        assert_eq!(found.sets, [Set { name: "p_4p".to_owned(), elements }]);
    }

    #[test]
    fn many_ranges_are_sets_which_services_share() {
        let ranges: Vec<String> = (0..9).map(range).collect();
        let mut texts: Vec<[&str; 3]> = Vec::new();
        for range in &ranges {
            texts.extend([[range.as_str(), "6", "443-443"], [range, "17", "443-443"]]);
        }
        texts.push([&ranges[0], "6", "80-80"]);
        let profile = profile(ranges.clone(), boxes(&texts));
        let found = of(&profile);
        let addresses = |set: &str, service| Rule::Addresses(set.to_owned(), service);
        let rules = [
            addresses("p_4", None),
            addresses("p_4s0", Some(service("17", "443-443"))),
            addresses("p_4s0", Some(service("6", "443-443"))),
            addresses("p_4s1", Some(service("6", "80-80"))),
        ];
        assert_eq!(found.rules, rules);
        let all: Vec<&str> = ranges.iter().map(String::as_str).collect();
        let sets = [("p_4", all.clone()), ("p_4s0", all.clone()), ("p_4s1", vec![all[0]])];
        let sets = sets.map(|(name, addresses)| Set {
            name: name.to_owned(),
            elements: Elements::Addresses(addresses),
        });
        assert_eq!(found.sets, sets);
    }

    #[test]
    fn many_services_are_a_set_of_each_protocol() {
        let ports: Vec<String> = (1..=16).map(|port| format!("{port}-{port}")).collect();
        let one = "10.0.0.1-10.0.0.1";
        let mut texts: Vec<[&str; 3]> = ports.iter().map(|ports| [one, "6", ports]).collect();
        texts.extend([[one, "17", "53-53"], [one, "47", "0-65535"]]);
        let profile = profile(Vec::new(), boxes(&texts));
        let found = of(&profile);
        let rules = [
            Rule::Ports("p_4p6".to_owned(), "6"),
            Rule::Ports("p_4p17".to_owned(), "17"),
            Rule::Boxes("p_4p".to_owned()),
        ];
        assert_eq!(found.rules, rules);
        let sizes: Vec<usize> = found
            .sets
            .iter()
            .map(|set| match &set.elements {
                Elements::Ports(boxes) | Elements::Boxes(boxes) => boxes.len(),
                Elements::Addresses(_) => 0,
            })
            .collect();
        assert_eq!(sizes, [16, 1, 1]);
    }
}
