//! Ports and addresses as nft lists them, beside those of packets.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use serde_json::Value;

use super::packets::Share;

/// Which packets have a port that is this one, or in this range.
pub(super) fn is_port(known: Option<u16>, value: &Value) -> Share {
    let Some(port) = known.map(u64::from) else { return Share::Few };
    match (value.as_u64(), range(value)) {
        (Some(value), _) => Share::when(value == port),
        (_, Some((first, last))) => {
            Share::when(first.as_u64() <= Some(port) && Some(port) <= last.as_u64())
        }
        _ => Share::Few,
    }
}

/// Which of the packets of a network have an address that is this one, or among these.
pub(super) fn among(network: Option<IpNetwork>, value: &Value) -> Share {
    let Some(network) = network else { return Share::Few };
    let Some((first, last)) = addresses(value) else { return Share::Few };
    if first <= network.network() && network.broadcast() <= last {
        return Share::All;
    }
    let apart = network.broadcast() < first || last < network.network();
    if apart { Share::None } else { Share::Few }
}

/// The first and the last one of an address, a network or a range.
fn addresses(value: &Value) -> Option<(IpAddr, IpAddr)> {
    let address = |value: &Value| value.as_str()?.parse::<IpAddr>().ok();
    if let Some((first, last)) = range(value) {
        return Some((address(first)?, address(last)?));
    }
    let Some(prefix) = value.get("prefix") else {
        return address(value).map(|address| (address, address));
    };
    let length = prefix["len"].as_u64().and_then(|length| length.try_into().ok())?;
    let network = IpNetwork::new(address(&prefix["addr"])?, length).ok()?;
    Some((network.network(), network.broadcast()))
}

fn range(value: &Value) -> Option<(&Value, &Value)> {
    match value.get("range")?.as_array()?.as_slice() {
        [first, last] => Some((first, last)),
        _ => None,
    }
}
