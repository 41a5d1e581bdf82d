//! Addresses, MTU and state of the interface, and forwarding.

use std::collections::BTreeSet;
use std::path::Path;

use ipnetwork::IpNetwork;
use nexavpn_bundle::Interface;
use serde_json::Value;
use tracing::{info, warn};

use crate::command::{CommandError, run};

/// Gives the interface its addresses and MTU and brings it up. The prefix of
/// each address covers the devices' pool, so no further route is needed.
///
/// # Errors
/// [`CommandError`] if `ip` refuses.
pub async fn apply(name: &str, wanted: &Interface) -> Result<(), CommandError> {
    let output = run("ip", &["-j", "addr", "show", "dev", name], None).await?;
    let links: Value = serde_json::from_slice(&output).unwrap_or_default();
    let link = &links[0];
    let found: BTreeSet<IpNetwork> = link["addr_info"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|address| address["scope"] == "global")
        .filter_map(|address| {
            format!("{}/{}", address["local"].as_str()?, address["prefixlen"]).parse().ok()
        })
        .collect();
    let addresses: BTreeSet<IpNetwork> =
        wanted.addresses.iter().filter_map(|text| text.parse().ok()).collect();
    for address in found.difference(&addresses) {
        run("ip", &["addr", "del", &address.to_string(), "dev", name], None).await?;
    }
    for address in addresses.difference(&found) {
        let text = address.to_string();
        let mut args = vec!["addr", "add", &text, "dev", name];
        if address.is_ipv6() {
            // Nobody on a tunnel answers duplicate address detection.
            args.push("nodad");
        }
        run("ip", &args, None).await?;
    }
    let up = link["flags"].as_array().is_some_and(|flags| flags.iter().any(|flag| flag == "UP"));
    if !up || link["mtu"].as_u64() != Some(wanted.mtu.into()) {
        let mtu = wanted.mtu.to_string();
        run("ip", &["link", "set", "dev", name, "mtu", &mtu, "up"], None).await?;
        info!(interface = name, mtu = wanted.mtu, "interface is up");
    }
    enable_forwarding(wanted);
    Ok(())
}

/// Lets the node forward. Done after the firewall is loaded, so that forwarding
/// never opens more than it decides.
fn enable_forwarding(wanted: &Interface) {
    let v6 = wanted.addresses.iter().any(|address| address.contains(':'));
    let mut switches = vec!["/proc/sys/net/ipv4/ip_forward"];
    if v6 {
        switches.push("/proc/sys/net/ipv6/conf/all/forwarding");
    }
    for switch in switches {
        let path = Path::new(switch);
        if std::fs::read_to_string(path).is_ok_and(|text| text.trim() == "1") {
            continue;
        }
        match std::fs::write(path, "1") {
            Ok(()) => info!(switch, "enabled forwarding"),
            Err(error) => warn!(switch, %error, "cannot enable forwarding, do it by hand"),
        }
    }
}
