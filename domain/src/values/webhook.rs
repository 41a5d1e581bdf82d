//! Where events are sent to, and which.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use url::{Host, Url};

use crate::access::is_partly_public;

/// The longest address, in characters.
const LONGEST: usize = 2000;
/// The most types that one webhook names.
const TYPES: usize = 50;

/// The address of an endpoint: `https://…`, or `http://…` where that is allowed, without a user,
/// a password or a fragment. Answered as a browser would send it, so that every way to write an
/// address (`0x7f.1`) is seen for what it is.
///
/// # Errors
/// What is wrong, in words.
pub fn webhook_url(input: &str, plain_http: bool) -> Result<String, String> {
    let input = input.trim();
    if input.chars().count() > LONGEST {
        return Err(format!("must have at most {LONGEST} characters"));
    }
    let url =
        Url::parse(input).map_err(|_| "must be an address such as https://example.com/hook")?;
    match url.scheme() {
        "https" => {}
        "http" if plain_http => {}
        "http" => {
            return Err("must begin with https://: plain HTTP needs --webhook-plain-http".into());
        }
        _ => return Err("must begin with https://".into()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password: requests are signed instead".into());
    }
    if url.fragment().is_some() {
        return Err("must not hold a fragment (#…)".into());
    }
    if url.host().is_none() {
        return Err("must name a host".into());
    }
    Ok(url.into())
}

/// The address in an endpoint's address, where that names no host to look up.
#[must_use]
pub fn literal_address(url: &str) -> Option<IpAddr> {
    match Url::parse(url).ok()?.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

/// Whether events may be sent to an address: one of the public internet, or one that is allowed.
/// Loopback, private, link-local, multicast and reserved addresses are not public, nor are IPv6
/// addresses that stand for IPv4 ones (NAT64, 6to4, Teredo); an IPv4-mapped one is taken for the
/// IPv4 address that it is.
#[must_use]
pub fn may_reach(address: IpAddr, allowed: &[IpNetwork]) -> bool {
    let plain = address.to_canonical();
    allowed.iter().any(|network| network.contains(plain) || network.contains(address))
        || is_partly_public(&IpNetwork::from(plain))
}

/// Types of events: `device.enrolled`, `device.*` for all that begin so, or none for all.
///
/// # Errors
/// What is wrong, in words.
pub fn event_types(input: &[String]) -> Result<Vec<String>, String> {
    if input.len() > TYPES {
        return Err(format!("must name at most {TYPES} types"));
    }
    let good = |name: &str| {
        let name = name.strip_suffix('*').unwrap_or(name);
        name.len() <= 100 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '.')
    };
    let mut types = Vec::with_capacity(input.len());
    for name in input {
        let name = name.trim();
        if name.is_empty() || !good(name) {
            return Err("must be types of events such as device.enrolled or device.*".into());
        }
        if !types.iter().any(|t| t == name) {
            types.push(name.to_owned());
        }
    }
    Ok(types)
}
