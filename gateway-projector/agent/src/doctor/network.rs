//! Interfaces, ports, and other people's firewalls.

use std::net::{Ipv4Addr, UdpSocket};

use nexavpn_bundle::Payload;
use serde_json::Value;

use super::Check;
use crate::command::{CommandError, run};
use crate::engine::{DEFAULT_INTERFACE, Options};
use crate::state::StateDir;
use crate::tunnel;

/// What WireGuard adds to a packet over IPv6, in bytes: 40 of IPv6, 8 of UDP, 32 of its own.
const OVERHEAD_V6: u64 = 80;
/// The same over IPv4.
const OVERHEAD_V4: u64 = 60;
/// WireGuard's usual MTU, where no bundle says another.
const USUAL_MTU: u16 = 1420;

/// The names and sizes that the node has, or would have.
#[derive(Debug)]
pub(super) struct Names {
    interface: String,
    table: String,
    /// Whether the interface, if there is one, was made by the agent.
    interface_is_ours: bool,
    table_is_ours: bool,
    mtu: Option<u16>,
    port: Option<u16>,
    /// Whether the gateway has IPv6 addresses.
    pub(super) v6: bool,
}

impl Names {
    pub(super) fn of(state: &StateDir, options: &Options, payload: Option<&Payload>) -> Self {
        let runtime = state.runtime().ok().flatten();
        let named = payload.map(|payload| payload.interface.name.as_str());
        let interface = options.interface.as_deref().or(named).unwrap_or(DEFAULT_INTERFACE);
        let ours = runtime.as_ref().and_then(|runtime| runtime.interface.as_deref());
        let v6 = |payload: &Payload| payload.interface.addresses.iter().any(|a| a.contains(':'));
        Self {
            interface_is_ours: ours == Some(interface),
            table_is_ours: runtime.is_some_and(|runtime| runtime.table == options.table),
            interface: interface.to_owned(),
            table: options.table.clone(),
            mtu: payload.map(|payload| payload.interface.mtu),
            port: payload.map(|payload| payload.interface.listen_port),
            v6: payload.is_some_and(v6),
        }
    }
}

/// Whether a full packet of the tunnel fits the way out.
pub(super) async fn mtu(names: &Names) -> Check {
    let name = "mtu";
    let uplink = match uplink().await {
        Ok(uplink) => uplink,
        Err(error) => return Check::warning(name, error.to_string(), "check iproute2"),
    };
    let Some(uplink) = uplink else {
        return Check::warning(name, "no default route", "check that clients can reach this node");
    };
    let path = format!("/sys/class/net/{uplink}/mtu");
    let size = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
    match size {
        Some(size) => judge_mtu(&uplink, size, names.mtu),
        None => Check::warning(name, format!("{uplink} has no MTU"), "check that interface"),
    }
}

fn judge_mtu(uplink: &str, size: u64, known: Option<u16>) -> Check {
    let name = "mtu";
    let tunnel = u64::from(known.unwrap_or(USUAL_MTU));
    let found = format!("{tunnel} in the tunnel, {size} on {uplink}");
    let fitting = size.saturating_sub(OVERHEAD_V6);
    if tunnel + OVERHEAD_V6 <= size {
        Check::ok(name, found)
    } else if known.is_none() {
        // The gateway's own may be another.
        Check::warning(name, found, format!("set the gateway's mtu to {fitting} or less"))
    } else if tunnel + OVERHEAD_V4 <= size {
        Check::warning(
            name,
            found,
            format!("clients that come over IPv6 need {fitting} or less: set the gateway's mtu"),
        )
    } else {
        Check::failure(
            name,
            found,
            format!("full packets do not fit: set the gateway's mtu to {fitting} or less"),
        )
    }
}

/// The interface of the default route.
async fn uplink() -> Result<Option<String>, CommandError> {
    for family in ["-4", "-6"] {
        let output = run("ip", &[family, "-j", "route", "show", "default"], None).await?;
        let routes: Value = serde_json::from_slice(&output).unwrap_or_default();
        if let Some(dev) = routes.get(0).and_then(|route| route["dev"].as_str()) {
            return Ok(Some(dev.to_owned()));
        }
    }
    Ok(None)
}

/// Whether the interface's name is free, or ours.
pub(super) async fn interface(names: &Names) -> Check {
    let (name, interface) = ("interface", &names.interface);
    match tunnel::exists(interface).await {
        Ok(false) => Check::ok(name, format!("{interface} is free")),
        Ok(true) if names.interface_is_ours => Check::ok(name, format!("{interface} is ours")),
        Ok(true) => Check::failure(
            name,
            format!("{interface} is there and not of this agent"),
            "remove it if nobody needs it, or run with another --interface",
        ),
        Err(error) => Check::failure(name, error.to_string(), "install the package iproute2"),
    }
}

/// Whether WireGuard's port is free, or ours.
pub(super) async fn port(names: &Names) -> Check {
    let name = "port";
    let Some(port) = names.port else {
        return Check::ok(name, "not known before the first bundle");
    };
    if names.interface_is_ours && tunnel::exists(&names.interface).await.unwrap_or(false) {
        return Check::ok(name, format!("UDP {port}, served by {}", names.interface));
    }
    match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)) {
        Ok(_) => Check::ok(name, format!("UDP {port} is free")),
        Err(error) => Check::failure(
            name,
            format!("UDP {port}: {error}"),
            "end what listens there, or give the gateway another port",
        ),
    }
}

/// Our table, and other firewalls that may have the last word.
pub(super) async fn tables(names: &Names) -> Vec<Check> {
    let name = "tables";
    let chains = match chains().await {
        Ok(chains) => chains,
        Err(error) => {
            return vec![Check::failure(
                name,
                error.to_string(),
                "see the checks of nft and privileges",
            )];
        }
    };
    let mut checks = judge_chains(names, &chains);
    let legacy = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"];
    let legacy = legacy.map(|path| std::fs::read_to_string(path).unwrap_or_default());
    if legacy.iter().any(|text| text.lines().any(|table| table == "filter")) {
        checks.push(Check::warning(
            name,
            "iptables-legacy has a filter table too",
            format!("see that it lets {} through: iptables-legacy -S FORWARD", names.interface),
        ));
    }
    if checks.is_empty() {
        checks.push(Check::ok(name, format!("nothing stands in the way of inet {}", names.table)));
    }
    checks
}

async fn chains() -> Result<Vec<Value>, CommandError> {
    let output = run("nft", &["-j", "list", "chains"], None).await?;
    let parsed: Value = serde_json::from_slice(&output).unwrap_or_default();
    let chains = parsed["nftables"].as_array().into_iter().flatten();
    Ok(chains.filter_map(|entry| entry.get("chain").cloned()).collect())
}

fn judge_chains(names: &Names, chains: &[Value]) -> Vec<Check> {
    let name = "tables";
    let mut checks = Vec::new();
    let ours = |chain: &Value| chain["family"] == "inet" && chain["table"] == names.table.as_str();
    if !names.table_is_ours && chains.iter().any(ours) {
        checks.push(Check::failure(
            name,
            format!("the table inet {} is there and not of this agent", names.table),
            "the agent would replace it: remove it if nobody needs it, or run with another --table",
        ));
    }
    // An accept in one table does not keep another from dropping.
    for chain in chains.iter().filter(|chain| !ours(chain) && chain["policy"] == "drop") {
        let text = |key: &str| chain[key].as_str().unwrap_or("?").to_owned();
        let place = format!("{} {} {}", text("family"), text("table"), text("name"));
        let (interface, port) = (&names.interface, names.port.unwrap_or(51820));
        let advice = match chain["hook"].as_str() {
            Some("forward") => format!(
                "let it accept what comes from and goes to {interface}, which the agent filters"
            ),
            Some("input") => {
                format!("let it accept UDP port {port}, and everything from {interface}")
            }
            Some("output") => {
                format!("let it accept UDP from port {port}, and everything to {interface}")
            }
            _ => continue,
        };
        checks.push(Check::warning(
            name,
            format!("the chain {place} drops what it does not name"),
            advice,
        ));
    }
    checks
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Verdict;
    use super::*;

    fn names(ours: bool) -> Names {
        Names {
            interface: "wg0".into(),
            table: "nexavpn".into(),
            interface_is_ours: ours,
            table_is_ours: ours,
            mtu: Some(1420),
            port: Some(51820),
            v6: false,
        }
    }

    #[test]
    fn a_tunnel_that_does_not_fit_is_told_what_would() {
        for (size, verdict) in [
            (9000, Verdict::Ok),
            (1500, Verdict::Ok),
            (1499, Verdict::Warning),
            (1480, Verdict::Warning),
            (1479, Verdict::Failure),
            (0, Verdict::Failure),
        ] {
            assert_eq!(judge_mtu("eth0", size, Some(1420)).verdict, verdict, "{size}");
        }
        assert!(judge_mtu("eth0", 1450, Some(1420)).advice.contains("1370"));
        assert_eq!(judge_mtu("eth0", 1400, None).verdict, Verdict::Warning);
    }

    #[test]
    fn tables_that_drop_are_named() {
        let chain = |table: &str, hook: &str, policy: &str| json!({"family": "inet", "table": table, "name": "c", "hook": hook, "policy": policy});
        let judged = |ours, chain: Value| judge_chains(&names(ours), &[chain]);
        assert_eq!(judged(true, chain("nexavpn", "forward", "accept")), []);
        assert_eq!(judged(true, chain("filter", "forward", "accept")), []);
        assert_eq!(judged(true, chain("filter", "prerouting", "drop")), []);
        let foreign = judged(false, chain("nexavpn", "forward", "accept"));
        assert_eq!(foreign[0].verdict, Verdict::Failure);
        for (hook, word) in [("forward", "wg0"), ("input", "51820"), ("output", "51820")] {
            let found = judged(true, chain("filter", hook, "drop"));
            assert_eq!(found[0].verdict, Verdict::Warning, "{hook}");
            assert!(found[0].found.contains("inet filter c") && found[0].advice.contains(word));
        }
    }
}
