//! The decision about one packet.

use std::{fmt, net::IpAddr};

use super::{Access, Rule, public};
use crate::{ids::PolicyId, values::Protocol};

/// A packet from a device, as far as policies look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Where it goes.
    pub dst: IpAddr,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its destination port. Only looked at where the protocol has ports
    /// ([`Protocol::has_ports`]); a missing one then counts as port 0.
    pub port: Option<u16>,
}

impl Packet {
    /// The port as the firewall sees it; any will do for a protocol without ports.
    pub(super) fn port_or_zero(&self) -> u16 {
        self.port.unwrap_or(0)
    }
}

/// Whether a packet passes, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decision {
    /// Whether it passes.
    pub allowed: bool,
    /// What decided.
    pub by: DecidedBy,
}

/// What decides about a packet. Shown as the policy's id, `built-in:dns`, `built-in:echo` or
/// `default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecidedBy {
    /// The first policy that matches.
    Policy(PolicyId),
    /// Every device may ask its gateway's resolvers.
    BuiltInDns,
    /// The gateway answers echo requests (and no other ICMP) sent to its tunnel addresses. Its
    /// input hook does so without asking policies.
    BuiltInEcho,
    /// Nothing matches: denied.
    Default,
}

impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(id) => id.fmt(f),
            Self::BuiltInDns => f.write_str("built-in:dns"),
            Self::BuiltInEcho => f.write_str("built-in:echo"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A rule on the way to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Considered {
    /// Which.
    pub rule: DecidedBy,
    /// Whether it lets pass what it matches.
    pub allows: bool,
    /// Whether the packet matches. The first that matches decides.
    pub matched: bool,
    /// Why it does not match; none where it does.
    pub mismatch: Option<Mismatch>,
}

/// Why a rule is not about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mismatch {
    /// Devices of the gateway do not use addresses of this family.
    Family,
    /// The packet goes to the gateway itself, which no policy opens.
    Gateway,
    /// It goes to an address that the rule does not list.
    Destination,
    /// The rule is about other protocols or ports.
    Service,
}

impl Mismatch {
    /// The name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Family => "other_family",
            Self::Gateway => "gateway_itself",
            Self::Destination => "other_destination",
            Self::Service => "other_service",
        }
    }
}

impl Considered {
    /// The first thing that is wrong, in this order, is why it does not match.
    fn new(rule: DecidedBy, allows: bool, wrong: [(bool, Mismatch); 4]) -> Self {
        let mismatch = wrong.into_iter().find_map(|(wrong, why)| wrong.then_some(why));
        Self { rule, allows, matched: mismatch.is_none(), mismatch }
    }
}

impl Access {
    /// What happens to a packet from the device.
    #[must_use]
    pub fn decide(&self, packet: &Packet) -> Decision {
        self.considered(packet).find(|one| one.matched).map_or(
            Decision { allowed: false, by: DecidedBy::Default },
            |one| Decision { allowed: one.allows, by: one.rule },
        )
    }

    /// Every rule in the order in which they are asked, built-ins included. The first that matched
    /// decided; if none did, the packet is denied by default.
    #[must_use]
    pub fn explain(&self, packet: &Packet) -> Vec<Considered> {
        self.considered(packet).collect()
    }

    fn considered(&self, packet: &Packet) -> impl Iterator<Item = Considered> {
        let Packet { dst, protocol, .. } = *packet;
        let around = &self.surroundings;
        let reachable = around.has_family_of(dst);
        let own = around.is_own(dst);
        let wrong = move |to_gateway, destination, service| {
            [
                (!reachable, Mismatch::Family),
                (destination, Mismatch::Destination),
                (to_gateway, Mismatch::Gateway),
                (service, Mismatch::Service),
            ]
        };
        let echo = wrong(false, !own, protocol != echo_protocol(dst));
        let echo = Considered::new(DecidedBy::BuiltInEcho, true, echo);
        let asks = matches!(protocol, Protocol::TCP | Protocol::UDP) && packet.port == Some(53);
        let dns = wrong(false, !around.dns_servers.contains(&dst), !asks);
        let dns = Considered::new(DecidedBy::BuiltInDns, true, dns);
        let packet = *packet;
        let internet = self.is_full_tunnel() && self.is_internet(dst);
        let policies = self.rules.iter().map(move |rule| {
            // An allow policy never opens the gateway itself; a deny policy does close it.
            let to_gateway = own && rule.allows();
            let elsewhere = !is_about(rule, packet.dst, internet);
            let wrong = wrong(to_gateway, elsewhere, !serves(rule, &packet));
            Considered::new(DecidedBy::Policy(rule.id), rule.allows(), wrong)
        });
        std::iter::once(echo).chain(policies).chain([dns])
    }

    /// Whether full tunnels open an address that no policy lists.
    fn is_internet(&self, dst: IpAddr) -> bool {
        let mut closed = self.surroundings.closed_to_full_tunnels();
        public::contains(dst) && !closed.any(|network| network.contains(dst))
    }
}

/// Whether a rule's destinations contain an address.
fn is_about(rule: &Rule, dst: IpAddr, internet: bool) -> bool {
    (internet && rule.opens_internet())
        || rule.destinations.iter().any(|network| network.contains(dst))
}

/// Whether a rule's services contain the packet's protocol and port.
fn serves(rule: &Rule, packet: &Packet) -> bool {
    rule.services.is_empty()
        || rule.services.iter().any(|service| {
            service.protocol == packet.protocol
                && (service.ports.is_empty()
                    || !packet.protocol.has_ports()
                    || service.ports.iter().any(|ports| ports.contains(packet.port_or_zero())))
        })
}

const fn echo_protocol(dst: IpAddr) -> Protocol {
    match dst {
        IpAddr::V4(_) => Protocol::ICMP,
        IpAddr::V6(_) => Protocol::ICMPV6,
    }
}
