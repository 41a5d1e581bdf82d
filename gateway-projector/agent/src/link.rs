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
    let link = read(name).await?;
    let found = addresses(&link);
    let wanted_ones: BTreeSet<IpNetwork> =
        wanted.addresses.iter().filter_map(|text| text.parse().ok()).collect();
    let gone: Vec<&IpNetwork> = found.difference(&wanted_ones).collect();
    // New ones first: in between there would be no way to any device. But IPv6
    // knows an address with one prefix only.
    let (before, after): (Vec<&IpNetwork>, _) = gone.into_iter().partition(|old| {
        old.is_ipv6() && wanted_ones.difference(&found).any(|new| new.ip() == old.ip())
    });
    remove(name, &before).await?;
    add(name, wanted_ones.difference(&found)).await?;
    if !after.is_empty() {
        keep_others_of_a_network(name);
        remove(name, &after).await?;
        // Where that setting could not be made.
        let left = addresses(&read(name).await?);
        add(name, wanted_ones.difference(&left)).await?;
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

/// The interface as `ip` describes it.
async fn read(name: &str) -> Result<Value, CommandError> {
    let output = run("ip", &["-j", "addr", "show", "dev", name], None).await?;
    let mut links: Value = serde_json::from_slice(&output).unwrap_or_default();
    Ok(links.get_mut(0).map(Value::take).unwrap_or_default())
}

fn addresses(link: &Value) -> BTreeSet<IpNetwork> {
    link["addr_info"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|address| address["scope"] == "global")
        .filter_map(|address| {
            format!("{}/{}", address["local"].as_str()?, address["prefixlen"]).parse().ok()
        })
        .collect()
}

async fn add(name: &str, addresses: impl Iterator<Item = &IpNetwork>) -> Result<(), CommandError> {
    for address in addresses {
        let text = address.to_string();
        let mut args = vec!["addr", "add", &text, "dev", name];
        if address.is_ipv6() {
            // Nobody on a tunnel answers duplicate address detection.
            args.push("nodad");
        }
        run("ip", &args, None).await?;
    }
    Ok(())
}

async fn remove(name: &str, addresses: &[&IpNetwork]) -> Result<(), CommandError> {
    for address in addresses {
        run("ip", &["addr", "del", &address.to_string(), "dev", name], None).await?;
    }
    Ok(())
}

/// The first IPv4 address of a network takes the others along when it goes, unless the
/// interface says otherwise.
fn keep_others_of_a_network(name: &str) {
    let setting = format!("/proc/sys/net/ipv4/conf/{name}/promote_secondaries");
    if let Err(error) = std::fs::write(&setting, "1") {
        info!(setting, %error, "addresses of the interface may be away for a moment");
    }
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
