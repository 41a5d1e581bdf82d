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

/// A kind of packets that have to get through.
#[derive(Debug, Clone)]
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
    source: Option<Vec<IpNetwork>>,
    destination: Option<Vec<IpNetwork>>,
    /// IPv4, or IPv6, where it is always the same one.
    is_v4: Option<bool>,
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
        let devices = (!names.networks.is_empty()).then(|| names.networks.clone());
        let any = |hook: &'static str, told: String| Self {
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
            is_v4: None,
            state: "new",
        };
        let from = |hook| Self {
            enters: Interface::Tunnel,
            source: devices.clone(),
            ..any(hook, format!("what comes from {tunnel}"))
        };
        // Nobody but devices begins anything in the tunnel.
        let to = |hook| Self {
            leaves: Interface::Tunnel,
            destination: devices.clone(),
            state: "established",
            ..any(hook, format!("what goes to {tunnel}"))
        };
        let udp = |hook, way| Self {
            protocol: Some("udp"),
            ..any(hook, format!("UDP {way} port {port}"))
        };
        vec![
            from("forward"),
            to("forward"),
            Self { destination_port: Some(port), ..udp("input", "to") },
            Self { destination_port: Some(DNS), ..from("input") },
            Self { source_port: Some(port), ..udp("output", "from") },
            Self { source_port: Some(DNS), ..to("output") },
        ]
    }

    /// Those of the kind that tables of a family see; `None` where they see none.
    pub(super) fn within(&self, family: &str) -> Option<Self> {
        let mut kind = self.clone();
        kind.is_v4 = match family {
            "inet" => None,
            "ip" => Some(true),
            "ip6" => Some(false),
            _ => return None,
        };
        let Self { source, destination, is_v4, .. } = &mut kind;
        for networks in [source, destination].into_iter().flatten() {
            networks.retain(|network| is_v4.is_none_or(|v4| network.is_ipv4() == v4));
            let first = networks.first()?.is_ipv4();
            if networks.iter().all(|network| network.is_ipv4() == first) {
                *is_v4 = Some(first);
            }
        }
        Some(kind)
    }

    /// Whether their connections were begun before.
    pub(super) fn is_established(&self) -> bool {
        self.state == "established"
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
        // A protocol's field is looked at in packets of that protocol alone.
        holds.min(self.carrying(left))
    }

    /// In which of them a key, such as a header's field, has a value or one of a set.
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
            (_, _, "ip" | "ip6", "saddr") => among(self.source.as_deref(), value),
            (_, _, "ip" | "ip6", "daddr") => among(self.destination.as_deref(), value),
            (_, _, _, "sport") => is_port(self.source_port, value),
            (_, _, _, "dport") => is_port(self.destination_port, value),
            _ => Share::Few,
        }
    }

    /// Which of them have the header that a key is a field of.
    fn carrying(&self, key: &Value) -> Share {
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
        self.is_v4.map_or(Share::Unknown, |own| Share::when(own == v4))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(hook: &str, told: &str) -> Kind {
        let names = Names {
            interface: "wg0".into(),
            table: "nexavpn".into(),
            interface_is_ours: true,
            table_is_ours: true,
            mtu: None,
            port: None,
            networks: vec!["100.96.0.1/16".parse().unwrap(), "fd00::1/64".parse().unwrap()],
        };
        let kinds = Kind::all(&names);
        kinds.into_iter().find(|kind| kind.hook == hook && kind.told == told).unwrap()
    }

    fn matched(kind: &Kind, left: &Value, op: &str, right: &Value) -> Share {
        kind.matched(&json!({ "op": op, "left": left, "right": right }))
    }

    #[test]
    fn conditions_are_compared_with_what_is_known_of_packets() {
        let from = kind("forward", "what comes from wg0");
        let field = |p: &str, f: &str| json!({"payload": {"protocol": p, "field": f}});
        let meta = |key: &str| json!({"meta": {"key": key}});
        let (source, target) = (field("ip", "saddr"), field("ip", "daddr"));
        let net = |addr: &str, len: u8| json!({"prefix": {"addr": addr, "len": len}});
        let port = field("udp", "dport");
        let v4 = from.within("ip").unwrap();
        let wireguard = kind("input", "UDP to port 51820");
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
            // IPv6 packets come too.
            (&from, source.clone(), "==", net("100.64.0.0", 10), Share::Few),
            (&v4, source.clone(), "==", net("100.64.0.0", 10), Share::All),
            (&v4, source.clone(), "!=", net("100.64.0.0", 10), Share::None),
            (&v4, source.clone(), "==", net("10.0.0.0", 8), Share::None),
            (&v4, source.clone(), "==", json!("100.96.0.9"), Share::Few),
            (&v4, source, "==", json!({"range": ["100.96.0.0", "100.96.255.255"]}), Share::All),
            (&v4, port.clone(), "==", json!(53), Share::Few),
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
        assert!(from.within("bridge").is_none());
    }

    #[test]
    fn values_that_belong_together_are_compared_together() {
        let wireguard = kind("input", "UDP to port 51820");
        let port = json!({"payload": {"protocol": "th", "field": "dport"}});
        let key = json!({"concat": [{"meta": {"key": "l4proto"}}, port]});
        let equal =
            |protocol: &str, port: u16| wireguard.equal(&key, &json!({"concat": [protocol, port]}));
        assert_eq!(equal("udp", 51820), Share::All);
        assert_eq!(equal("udp", 53), Share::None);
        assert_eq!(equal("tcp", 51820), Share::None);
    }
}
