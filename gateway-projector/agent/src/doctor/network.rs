//! Interfaces and ports.

use std::net::{Ipv4Addr, UdpSocket};

use ipnetwork::IpNetwork;
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
    pub(super) interface: String,
    pub(super) table: String,
    /// Whether the interface, if there is one, was made by the agent.
    pub(super) interface_is_ours: bool,
    pub(super) table_is_ours: bool,
    pub(super) mtu: Option<u16>,
    pub(super) port: Option<u16>,
    /// Those of the devices; none where they are not known yet.
    pub(super) networks: Vec<IpNetwork>,
}

impl Names {
    pub(super) fn of(state: &StateDir, options: &Options, payload: Option<&Payload>) -> Self {
        let runtime = state.runtime().ok().flatten();
        let named = payload.map(|payload| payload.interface.name.as_str());
        let interface = options.interface.as_deref().or(named).unwrap_or(DEFAULT_INTERFACE);
        let ours = runtime.as_ref().and_then(|runtime| runtime.interface.as_deref());
        let addresses = payload.into_iter().flat_map(|payload| &payload.interface.addresses);
        Self {
            interface_is_ours: ours == Some(interface),
            table_is_ours: runtime.is_some_and(|runtime| runtime.table == options.table),
            interface: interface.to_owned(),
            table: options.table.clone(),
            mtu: payload.map(|payload| payload.interface.mtu),
            port: payload.map(|payload| payload.interface.listen_port),
            networks: addresses.filter_map(|address| address.parse().ok()).collect(),
        }
    }

    /// Whether the gateway has IPv6 addresses.
    pub(super) fn has_v6(&self) -> bool {
        self.networks.iter().any(IpNetwork::is_ipv6)
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

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

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
}
