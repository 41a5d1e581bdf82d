//! The packets that a gateway lives by, and which of them a condition holds for.

use ipnetwork::IpNetwork;
use serde_json::Value;

use super::values::{among, is_port};
use crate::doctor::network::Names;

/// WireGuard's usual port, where no bundle says another.
const USUAL_PORT: u16 = 51820;
/// What devices ask the gateway itself for.
const DNS: u16 = 53;

/// Which packets of a kind a condition holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Share {
    /// None.
    None,
    /// Particular ones: of an address, a port or a mark that somebody has chosen.
    Few,
    /// That cannot be told here. It may be all.
    Unknown,
    /// All.
    All,
}

impl Share {
    /// Those for which the condition does not hold.
    const fn inverse(self) -> Self {
        match self {
            Self::None => Self::All,
            Self::Few | Self::Unknown => Self::Unknown,
            Self::All => Self::None,
        }
    }

    pub(super) const fn when(all: bool) -> Self {
        if all { Self::All } else { Self::None }
    }
}

/// A kind of packets that have to get through: of one IP version, and of devices in one network.
/// Rules that tell versions or networks apart may drop all of one and none of another.
#[derive(Debug)]
pub(super) struct Kind {
    /// Where they can be dropped.
    pub(super) hook: &'static str,
    /// What they are called.
    pub(super) told: String,
    tunnel: String,
    enters: Interface,
    leaves: Interface,
    /// The transport protocol, where it is always the same one.
    protocol: Option<&'static str>,
    source_port: Option<u16>,
    destination_port: Option<u16>,
    source: Option<IpNetwork>,
    destination: Option<IpNetwork>,
    /// IPv4, not IPv6.
    is_v4: bool,
    /// The state of their connections. Those that begin one have to get through too, except where
    /// the other side always has begun it.
    state: &'static str,
}

/// Where packets come in or go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interface {
    Tunnel,
    /// Any but the tunnel and the loopback.
    Outer,
}

impl Kind {
    /// Every kind that a gateway of these names needs.
    pub(super) fn all(names: &Names) -> Vec<Self> {
        let tunnel = &names.interface;
        let port = names.port.unwrap_or(USUAL_PORT);
        let any = |hook: &'static str, told: String, is_v4| Self {
            hook,
            told,
            tunnel: tunnel.clone(),
            enters: Interface::Outer,
            leaves: Interface::Outer,
            protocol: None,
            source_port: None,
            destination_port: None,
            source: None,
            destination: None,
            is_v4,
            state: "new",
        };
        let from = |hook, is_v4, devices| Self {
            enters: Interface::Tunnel,
            source: devices,
            ..any(hook, format!("what comes from {tunnel}"), is_v4)
        };
        // Nobody but devices begins anything in the tunnel.
        let to = |hook, is_v4, devices| Self {
            leaves: Interface::Tunnel,
            destination: devices,
            state: "established",
            ..any(hook, format!("what goes to {tunnel}"), is_v4)
        };
        let udp = |hook, is_v4, way| Self {
            protocol: Some("udp"),
            ..any(hook, format!("UDP {way} port {port}"), is_v4)
        };
        let outer = [true, false].into_iter().flat_map(|v4| {
            [
                Self { destination_port: Some(port), ..udp("input", v4, "to") },
                Self { source_port: Some(port), ..udp("output", v4, "from") },
            ]
        });
        let known = names.networks.iter().map(|network| (network.is_ipv4(), Some(*network)));
        // Where no bundle says them, devices may be of both versions.
        let unknown =
            [(true, None), (false, None)].into_iter().filter(|_| names.networks.is_empty());
        let tunnelled = known.chain(unknown).flat_map(|(v4, devices)| {
            [
                from("forward", v4, devices),
                to("forward", v4, devices),
                Self { destination_port: Some(DNS), ..from("input", v4, devices) },
                Self { source_port: Some(DNS), ..to("output", v4, devices) },
            ]
        });
        outer.chain(tunnelled).collect()
    }

    /// Whether tables of a family see them.
    pub(super) fn is_seen_in(&self, family: &str) -> bool {
        match family {
            "inet" => true,
            "ip" => self.is_v4,
            "ip6" => !self.is_v4,
            _ => false,
        }
    }

    /// Whether their connections were begun before.
    pub(super) fn is_established(&self) -> bool {
        self.state == "established"
    }

    /// Whether they are for the node itself.
    pub(super) fn comes_in(&self) -> bool {
        self.hook == "input"
    }

    /// Which of them a `match` of nft holds for.
    pub(super) fn matched(&self, condition: &Value) -> Share {
        let left = &condition["left"];
        let equal = || self.equal(left, &condition["right"]);
        let holds = match condition["op"].as_str() {
            Some("==" | "in") => equal(),
            Some("!=") => equal().inverse(),
            _ => Share::Unknown,
        };
        holds.min(self.carrying(left))
    }

    /// In which of those that carry it a key, such as a header's field, has a value or one of a set.
    pub(super) fn equal(&self, key: &Value, value: &Value) -> Share {
        let items = value.get("set").unwrap_or(value);
        if let Some(items) = items.as_array() {
            return items.iter().map(|v| self.equal(key, v)).max().unwrap_or(Share::None);
        }
        if let Some(inner) = value.get("elem") {
            return self.equal(key, &inner["val"]);
        }
        if let Some(keys) = key["concat"].as_array() {
            let values = value["concat"].as_array().into_iter().flatten();
            let each = keys.iter().zip(values).map(|(k, v)| self.equal(k, v));
            return each.min().unwrap_or(Share::Few);
        }
        let of = |kind: &str, field: &str| key[kind][field].as_str().unwrap_or_default();
        match (
            of("meta", "key"),
            of("ct", "key"),
            of("payload", "protocol"),
            of("payload", "field"),
        ) {
            ("iifname" | "iif", ..) => self.on(self.enters, value),
            ("oifname" | "oif", ..) => self.on(self.leaves, value),
            ("l4proto", ..) | (_, _, "ip", "protocol") | (_, _, "ip6", "nexthdr") => {
                self.protocol.map_or(Share::Unknown, |own| Share::when(value == own))
            }
            ("nfproto", ..) => self.of_version(value == "ipv4"),
            (_, "state", ..) => Share::when(value == self.state),
            (_, _, "ip" | "ip6", "saddr") => among(self.source, value),
            (_, _, "ip" | "ip6", "daddr") => among(self.destination, value),
            (_, _, _, "sport") => is_port(self.source_port, value),
            (_, _, _, "dport") => is_port(self.destination_port, value),
            _ if self.comes_in() && is_destination_type(key) => Share::when(value == "local"),
            _ => Share::Few,
        }
    }

    /// Which of them have the header that a key is a field of, or each of several. A rule looks at
    /// a protocol's field in packets of that protocol alone.
    pub(super) fn carrying(&self, key: &Value) -> Share {
        if let Some(keys) = key["concat"].as_array() {
            return keys.iter().map(|k| self.carrying(k)).min().unwrap_or(Share::All);
        }
        match key["payload"]["protocol"].as_str() {
            Some("ip") => self.of_version(true),
            Some("ip6") => self.of_version(false),
            Some(p @ ("tcp" | "udp" | "udplite" | "sctp" | "dccp" | "icmp" | "icmpv6")) => {
                self.protocol.map_or(Share::Unknown, |own| Share::when(own == p))
            }
            _ => Share::All,
        }
    }

    fn of_version(&self, v4: bool) -> Share {
        Share::when(self.is_v4 == v4)
    }

    fn on(&self, interface: Interface, name: &Value) -> Share {
        let Some(name) = name.as_str().filter(|name| !name.starts_with('@')) else {
            return Share::Unknown;
        };
        let is_tunnel = match name.strip_suffix('*') {
            Some(begin) => self.tunnel.starts_with(begin),
            None => self.tunnel == name,
        };
        match interface {
            Interface::Tunnel => Share::when(is_tunnel),
            Interface::Outer if self.tunnel == name || name == "lo" => Share::None,
            Interface::Outer => Share::Unknown,
        }
    }
}

/// Whether a key is what routing says of a destination on its own, whatever the interface.
fn is_destination_type(key: &Value) -> bool {
    let flags = key["fib"]["flags"].as_array().map(Vec::as_slice);
    key["fib"]["result"] == "type" && matches!(flags, Some([only]) if only == "daddr")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(hook: &str, told: &str, is_v4: bool) -> Kind {
        let names = Names {
            interface: "wg0".into(),
            table: "nexavpn".into(),
            interface_is_ours: true,
            table_is_ours: true,
            mtu: None,
            port: None,
            networks: vec!["100.96.0.1/16".parse().unwrap(), "fd00::1/64".parse().unwrap()],
        };
        let mut kinds = Kind::all(&names).into_iter();
        kinds.find(|k| k.hook == hook && k.told == told && k.is_v4 == is_v4).unwrap()
    }

    fn matched(kind: &Kind, left: &Value, op: &str, right: &Value) -> Share {
        kind.matched(&json!({ "op": op, "left": left, "right": right }))
    }

    #[test]
    fn conditions_are_compared_with_what_is_known_of_packets() {
        let from = kind("forward", "what comes from wg0", true);
        let from_v6 = kind("forward", "what comes from wg0", false);
        let field = |p: &str, f: &str| json!({"payload": {"protocol": p, "field": f}});
        let meta = |key: &str| json!({"meta": {"key": key}});
        let (source, target) = (field("ip", "saddr"), field("ip", "daddr"));
        let net = |addr: &str, len: u8| json!({"prefix": {"addr": addr, "len": len}});
        let port = field("udp", "dport");
        let wireguard = kind("input", "UDP to port 51820", true);
        for (kind, left, op, right, share) in [
            (&from, meta("iifname"), "==", json!("wg0"), Share::All),
            (&from, meta("iifname"), "==", json!({"set": ["eth0", "w*"]}), Share::All),
            (&from, meta("iifname"), "!=", json!("wg0"), Share::None),
            (&from, meta("oifname"), "==", json!("lo"), Share::None),
            (&from, meta("oifname"), "==", json!("eth0"), Share::Unknown),
            (&from, meta("l4proto"), "==", json!("udp"), Share::Unknown),
            (&from, json!({"ct": {"key": "state"}}), "in", json!(["invalid"]), Share::None),
            (&from, meta("mark"), "==", json!(8), Share::Few),
            (&from, meta("mark"), "!=", json!(8), Share::Unknown),
            (&from, target.clone(), "==", net("10.0.0.0", 8), Share::Few),
            (&from, target, "!=", net("10.0.0.0", 8), Share::Unknown),
            (&from_v6, source.clone(), "==", net("100.64.0.0", 10), Share::None),
            (&from_v6, source.clone(), "!=", net("100.64.0.0", 10), Share::None),
            (&from_v6, field("ip6", "saddr"), "==", net("fd00::", 8), Share::All),
            (&from, source.clone(), "==", net("100.64.0.0", 10), Share::All),
            (&from, source.clone(), "!=", net("100.64.0.0", 10), Share::None),
            (&from, source.clone(), "==", net("10.0.0.0", 8), Share::None),
            (&from, source.clone(), "==", json!("100.96.0.9"), Share::Few),
            (&from, source, "==", json!({"range": ["100.96.0.0", "100.96.255.255"]}), Share::All),
            (&from, port.clone(), "==", json!(53), Share::Few),
            (
                &wireguard,
                port.clone(),
                "==",
                json!({"set": [53, {"range": [51000, 52000]}]}),
                Share::All,
            ),
            (&wireguard, port, "!=", json!(51820), Share::None),
            (&wireguard, field("tcp", "dport"), "!=", json!(22), Share::None),
            (&wireguard, meta("l4proto"), "==", json!({"set": ["tcp", "udp"]}), Share::All),
        ] {
            assert_eq!(matched(kind, &left, op, &right), share, "{left} {op} {right}");
        }
        let seen = |kind: &Kind| ["inet", "ip", "ip6", "bridge"].map(|f| kind.is_seen_in(f));
        assert_eq!(seen(&from), [true, true, false, false]);
        assert_eq!(seen(&from_v6), [true, false, true, false]);
    }

    #[test]
    fn values_that_belong_together_are_compared_together() {
        let wireguard = kind("input", "UDP to port 51820", true);
        let port = json!({"payload": {"protocol": "th", "field": "dport"}});
        let key = json!({"concat": [{"meta": {"key": "l4proto"}}, port]});
        let equal =
            |protocol: &str, port: u16| wireguard.equal(&key, &json!({"concat": [protocol, port]}));
        assert_eq!(equal("udp", 51820), Share::All);
        assert_eq!(equal("udp", 53), Share::None);
        assert_eq!(equal("tcp", 51820), Share::None);
    }
}
