//! Networks in CIDR notation.

use ipnetwork::IpNetwork;

use crate::error::Problems;

/// Parses `address/prefix`; a bare address is a host. Host bits must be clear: `10.0.0.1/8` is
/// more often a slip than a wish, and guessing wide would let people in.
///
/// # Errors
/// What is wrong, with the network that was probably meant.
pub fn parse_network(input: &str) -> Result<IpNetwork, String> {
    let text = input.trim();
    let net: IpNetwork = text.parse().map_err(|_| {
        format!("{text:?} is not a network in CIDR notation such as 172.16.20.0/24")
    })?;
    if let IpNetwork::V6(v6) = net
        && v6.ip().to_ipv4_mapped().is_some()
        && v6.prefix() >= 96
    {
        return Err(format!("{text} is an IPv4-mapped address: write it as IPv4"));
    }
    if net.ip() != net.network() {
        return Err(format!(
            "{text} has host bits set; did you mean {}/{}?",
            net.network(),
            net.prefix()
        ));
    }
    Ok(net)
}

/// The destinations of a policy.
pub type DestinationList = Vec<IpNetwork>;

/// Parses a list, naming each bad element as `field[i]`; repeated networks are kept once.
pub fn parse_networks(field: &str, input: &[String], problems: &mut Problems) -> DestinationList {
    let mut list: Vec<IpNetwork> = Vec::with_capacity(input.len());
    for (i, text) in input.iter().enumerate() {
        if let Some(net) = problems.check(&format!("{field}[{i}]"), parse_network(text))
            && !list.contains(&net)
        {
            list.push(net);
        }
    }
    list
}
