//! Renders nftables scripts. Pure: the same payload gives the same text.
//!
//! Every script is idempotent (`add` of what is there does nothing, chains and
//! sets are flushed before they are filled) and meant for one `nft -f`, which
//! is one transaction: all of it or nothing.
//!
//! The texts of a payload go into scripts as they are. They are safe because
//! [`nexavpn_bundle::validate`] has parsed each of them; render nothing else.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use nexavpn_bundle::ranges::{Range4, Range6};
use nexavpn_bundle::{Masquerade, Nat, Payload, PortBox, Profile};

use crate::desired::{DeviceMaps, Difference, device_maps};
use crate::rules::{Elements, Rule, Rules, Service, Set};

/// nft parses a line as a whole; keep lines at a size that it takes in stride.
const ELEMENTS_PER_LINE: usize = 1000;

/// Towards what a device may reach, and back: the direction, and where a packet has the other
/// side's address and port.
const SIDES: [(&str, &str, &str); 2] =
    [("original", "daddr", "dport"), ("reply", "saddr", "sport")];

/// The names that the ruleset uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftNames {
    /// Table of family `inet`; everything of ours lives in it.
    pub table: String,
    /// The WireGuard interface.
    pub interface: String,
}

impl Default for NftNames {
    fn default() -> Self {
        Self { table: "nexavpn".to_owned(), interface: "wg0".to_owned() }
    }
}

/// The whole ruleset of a payload, as if no device had expired.
#[must_use]
pub fn render_full(payload: &Payload, names: &NftNames) -> String {
    let mut script = declare(names);
    script += &profiles(names, payload.profiles.iter());
    script += &base(names, Some(payload));
    script += &nat(names, &payload.nat, false);
    script += &fill_maps(names, &device_maps(&payload.devices));
    script
}

/// The table and the device maps, as they may already be.
#[must_use]
pub fn declare(names: &NftNames) -> String {
    let table = &names.table;
    format!(
        "add table inet {table}\n\
         add map inet {table} dev4 {{ type ipv4_addr : verdict; }}\n\
         add map inet {table} dev6 {{ type ipv6_addr : verdict; }}\n"
    )
}

/// The hooks. Without a payload nothing on the node itself is open. Together
/// with empty maps this denies everything that has to do with the tunnel.
#[must_use]
pub fn base(names: &NftNames, payload: Option<&Payload>) -> String {
    let NftNames { table, interface } = names;
    let mut script = declare(names);
    let mut chain = |name: &str, hook: &str, rules: &[String]| {
        let _ = writeln!(script, "add chain inet {table} {name}{hook}");
        let _ = writeln!(script, "flush chain inet {table} {name}");
        for rule in rules {
            let _ = writeln!(script, "add rule inet {table} {name} {rule}");
        }
    };
    let own = |text: &str| text.to_owned();
    // Only errors may be let in as related: a helper's expectation would go
    // past every policy.
    let errors = "ct state related meta l4proto { 1, 58 } accept";

    chain(
        "by_dev",
        "",
        &[
            own("ct original ip saddr vmap @dev4"),
            own("ct original ip6 saddr vmap @dev6"),
            own("counter drop"),
        ],
    );
    // What nearly all packets are comes first; what is invalid ends at the end.
    chain(
        "from_dev",
        "",
        &[
            own("ct state established,new goto by_dev"),
            own(errors),
            own("ct state related goto by_dev"),
            own("counter drop"),
        ],
    );
    chain(
        "to_dev",
        "",
        &[
            own("ct state established ct direction reply goto by_dev"),
            own(errors),
            own("ct state related ct direction reply goto by_dev"),
            own("counter drop"),
        ],
    );
    chain(
        "forward",
        " { type filter hook forward priority 0; policy accept; }",
        &[
            format!("iifname \"{interface}\" goto from_dev"),
            format!("oifname \"{interface}\" goto to_dev"),
        ],
    );
    let mut input = vec![
        format!("iifname != \"{interface}\" return"),
        own("ct state invalid drop"),
        own(errors),
        own("ct state established ct direction reply accept"),
    ];
    input.extend(payload.into_iter().flat_map(opened_on_the_gateway));
    input.push(own("counter drop"));
    chain("input", " { type filter hook input priority 0; policy accept; }", &input);
    script
}

/// DNS goes to the device's own profile, which holds the resolver unless a
/// policy denies it, and packet by packet, so that a revoked device's running
/// query stream ends like any other.
fn opened_on_the_gateway(payload: &Payload) -> Vec<String> {
    let addresses = payload
        .interface
        .addresses
        .iter()
        .filter_map(|text| text.parse::<IpNetwork>().ok())
        .map(|network| network.ip());
    let mut rules = Vec::new();
    for address in addresses {
        let (family, echo) = match address {
            IpAddr::V4(_) => ("ip", "icmp type 8"),
            IpAddr::V6(_) => ("ip6", "icmpv6 type 128"),
        };
        if payload.input.dns {
            rules.push(format!(
                "{family} daddr {address} meta l4proto {{ 6, 17 }} th dport 53 goto by_dev"
            ));
        }
        if payload.input.icmp_echo {
            rules.push(format!(
                "{family} daddr {address} {echo} limit rate 50/second burst 100 packets accept"
            ));
        }
    }
    rules
}

/// Adds profiles, replacing what may be there under their names.
#[must_use]
pub fn profiles<'a>(
    names: &NftNames,
    profiles: impl Iterator<Item = (&'a String, &'a Profile)>,
) -> String {
    let table = &names.table;
    let mut script = String::new();
    for (name, profile) in profiles {
        let mut rules = Vec::new();
        for (opened, family) in Rules::of(name, profile).iter().zip(["ip", "ip6"]) {
            for Set { name: set, elements } in &opened.sets {
                fill_set(&mut script, table, set, family, elements);
            }
            rules.extend(opened.rules.iter().flat_map(|rule| written(rule, family)));
        }
        rules.push("counter drop".to_owned());
        let _ = writeln!(script, "add chain inet {table} {name}");
        let _ = writeln!(script, "flush chain inet {table} {name}");
        for rule in rules {
            let _ = writeln!(script, "add rule inet {table} {name} {rule}");
        }
    }
    script
}

/// A rule of a profile, or two: towards the destination, and back.
fn written(rule: &Rule<'_>, family: &str) -> Vec<String> {
    let destination = format!("ct original {family} daddr");
    match rule {
        Rule::Range(dst, service) => {
            vec![format!("{destination} {} {}accept", prefix(dst), matching(*service))]
        }
        // What is compared costs less than what is looked up.
        Rule::Addresses(set, service) => {
            vec![format!("{}{destination} @{set} accept", matching(*service))]
        }
        Rule::Ports(set, proto) => vec![format!(
            "meta l4proto {proto} {destination} . ct original proto-dst @{set} accept"
        )],
        Rule::Boxes(set) => SIDES
            .map(|(direction, side, port)| {
                format!(
                    "ct direction {direction} \
                     {family} {side} . meta l4proto . th {port} @{set} accept"
                )
            })
            .to_vec(),
    }
}

/// What else a packet has to be.
fn matching(service: Option<Service<'_>>) -> String {
    match service {
        None => String::new(),
        Some(Service { proto, ports: None }) => format!("meta l4proto {proto} "),
        Some(Service { proto, ports: Some(ports) }) => {
            format!("meta l4proto {proto} ct original proto-dst {} ", single(ports))
        }
    }
}

/// The names of the sets that [`profiles`] makes for one profile.
#[must_use]
pub fn set_names(name: &str, profile: &Profile) -> Vec<String> {
    let rules = Rules::of(name, profile);
    rules.into_iter().flat_map(|rules| rules.sets).map(|set| set.name).collect()
}

/// Removes a profile that no device map refers to any more.
#[must_use]
pub fn remove_profile(names: &NftNames, name: &str, sets: &[String]) -> String {
    let table = &names.table;
    let mut script = format!("flush chain inet {table} {name}\ndelete chain inet {table} {name}\n");
    for set in sets {
        let _ = writeln!(script, "delete set inet {table} {set}");
    }
    script
}

/// Empties the device maps: nobody may reach anything.
#[must_use]
pub fn empty_maps(names: &NftNames) -> String {
    let table = &names.table;
    format!("flush map inet {table} dev4\nflush map inet {table} dev6\n")
}

/// The device maps from nothing: first load and repair.
#[must_use]
pub fn fill_maps(names: &NftNames, maps: &DeviceMaps) -> String {
    let mut script = empty_maps(names);
    add_elements(&mut script, names, "dev4", maps.v4.iter().map(verdict));
    add_elements(&mut script, names, "dev6", maps.v6.iter().map(verdict));
    script
}

/// Takes the device maps from one state to another, changed elements only.
/// Empty when nothing changes.
#[must_use]
pub fn change_maps(names: &NftNames, from: &DeviceMaps, to: &DeviceMaps) -> String {
    let mut script = String::new();
    change_map(&mut script, names, "dev4", &from.v4, &to.v4);
    change_map(&mut script, names, "dev6", &from.v6, &to.v6);
    script
}

fn change_map<A: Ord + std::fmt::Display>(
    script: &mut String,
    names: &NftNames,
    map: &str,
    from: &BTreeMap<A, String>,
    to: &BTreeMap<A, String>,
) {
    let table = &names.table;
    let difference = Difference::between(from, to);
    for line in lines(difference.taken_away().map(ToString::to_string)) {
        let _ = writeln!(script, "delete element inet {table} {map} {{ {line} }}");
    }
    add_elements(script, names, map, difference.written().map(verdict));
}

/// The chain of [`nat`].
pub const NAT: &str = "postrouting";

/// Source address translation, in a chain of its own. Where there is none, there is no chain: it would
/// bring hooks for every packet with it. But one that is `there` already is only emptied: running
/// streams may depend on it.
#[must_use]
pub fn nat(names: &NftNames, nat: &Nat, there: bool) -> String {
    if *nat == Nat::default() && !there {
        return String::new();
    }
    let table = &names.table;
    let mut script = format!(
        "add chain inet {table} {NAT} {{ type nat hook postrouting priority 100; \
         policy accept; }}\nflush chain inet {table} {NAT}\n"
    );
    for (family, rules) in [("ip", &nat.v4_masquerade), ("ip6", &nat.v6_masquerade)] {
        for Masquerade { src, oif } in rules {
            let _ = writeln!(
                script,
                "add rule inet {table} {NAT} {family} saddr {src} oifname \"{oif}\" masquerade"
            );
        }
    }
    script
}

fn fill_set(script: &mut String, table: &str, set: &str, family: &str, elements: &Elements<'_>) {
    let address = if family == "ip" { "ipv4_addr" } else { "ipv6_addr" };
    let (kind, elements) = match elements {
        Elements::Addresses(ranges) => {
            ("", ranges.iter().map(|range| single(range).to_owned()).collect::<Vec<_>>())
        }
        Elements::Ports(boxes) => (" . inet_service", boxes.iter().map(|one| port(one)).collect()),
        Elements::Boxes(boxes) => {
            (" . inet_proto . inet_service", boxes.iter().map(|one| element(one)).collect())
        }
    };
    let kind = format!("{address}{kind}");
    let _ = writeln!(script, "add set inet {table} {set} {{ type {kind}; flags interval; }}");
    let _ = writeln!(script, "flush set inet {table} {set}");
    for line in lines(elements.into_iter()) {
        let _ = writeln!(script, "add element inet {table} {set} {{ {line} }}");
    }
}

fn add_elements(
    script: &mut String,
    names: &NftNames,
    map: &str,
    elements: impl Iterator<Item = String>,
) {
    for line in lines(elements) {
        let _ = writeln!(script, "add element inet {} {map} {{ {line} }}", names.table);
    }
}

fn lines(elements: impl Iterator<Item = String>) -> Vec<String> {
    let all: Vec<String> = elements.collect();
    all.chunks(ELEMENTS_PER_LINE).map(|part| part.join(", ")).collect()
}

fn verdict<A: std::fmt::Display>((address, profile): (&A, &String)) -> String {
    format!("{address} : goto {profile}")
}

fn port(PortBox { dst, ports, .. }: &PortBox) -> String {
    format!("{} . {}", single(dst), single(ports))
}

fn element(one: &PortBox) -> String {
    format!("{} . {} . {}", single(&one.dst), one.proto, single(&one.ports))
}

/// nft refuses a range of one value.
fn single(range: &str) -> &str {
    match range.split_once('-') {
        Some((start, end)) if start == end => start,
        _ => range,
    }
}

/// A range of addresses as the prefix that it is, if it is one.
fn prefix(range: &str) -> String {
    let v4 = || Range4::parse(range).map(|v4| (v4.start.to_string(), v4.prefix_length(), 32));
    let v6 = || Range6::parse(range).map(|v6| (v6.start.to_string(), v6.prefix_length(), 128));
    match v4().or_else(v6) {
        Some((start, Some(length), bits)) if length < bits => format!("{start}/{length}"),
        _ => single(range).to_owned(),
    }
}
