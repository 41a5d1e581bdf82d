//! What a payload must satisfy beyond its types.

use std::collections::HashSet;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;

use crate::ranges::{ParsedBox, Range};
use crate::{
    BundleError, Contents, Device, Frame, Interface, Masquerade, Payload, PortBox, Profile,
};

/// Integers above this have no exact form in canonical JSON.
const MAX_EXACT: i64 = (1 << 53) - 1;

pub(crate) fn invalid(what: impl Into<String>) -> BundleError {
    BundleError::Invalid(what.into())
}

/// Checks everything that the types do not say.
///
/// # Errors
/// [`BundleError::Invalid`] naming the first thing that is wrong.
pub fn validate(payload: &Payload) -> Result<(), BundleError> {
    Contents::new(payload.clone()).map(drop)
}

/// Checks what is neither device nor profile. Gives the gateway's own addresses.
pub(crate) fn frame(frame: &Frame) -> Result<HashSet<IpAddr>, BundleError> {
    if frame.format != crate::FORMAT {
        return Err(BundleError::UnsupportedFormat(frame.format));
    }
    if !is_uuid(&frame.gateway_id) {
        return Err(invalid("gateway_id is not a UUID"));
    }
    for (name, number) in [("epoch", frame.epoch), ("revision", frame.revision)] {
        if !(0..=MAX_EXACT).contains(&number) {
            return Err(invalid(format!("{name} is out of range")));
        }
    }
    if frame.max_stale_s.is_some_and(|seconds| seconds > MAX_EXACT.unsigned_abs()) {
        return Err(invalid("max_stale_s is out of range"));
    }
    time(&frame.issued_at).ok_or_else(|| invalid("issued_at is not RFC 3339 in UTC"))?;
    masquerades(&frame.nat.v4_masquerade, false)?;
    masquerades(&frame.nat.v6_masquerade, true)?;
    interface(&frame.interface)
}

/// Whether `name` is usable as an interface name here: `[a-z0-9_.-]{1,15}`.
#[must_use]
pub fn is_interface_name(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_.-".contains(&c);
    (1..=15).contains(&name.len()) && name.bytes().all(allowed) && name != "." && name != ".."
}

/// Whether `text` is a UUID in its usual lower-case form.
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => c == b'-',
            _ => c.is_ascii_digit() || (b'a'..=b'f').contains(&c),
        })
}

/// Parses an RFC 3339 time that is written in UTC.
#[must_use]
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    let parsed = DateTime::parse_from_rfc3339(text).ok()?;
    text.ends_with('Z').then(|| parsed.with_timezone(&Utc))
}

/// Parses `address/prefix`, in its only canonical text.
fn network(text: &str) -> Option<IpNetwork> {
    let parsed: IpNetwork = text.parse().ok()?;
    (parsed.to_string() == text).then_some(parsed)
}

/// A host prefix (`/32`, `/128`) as its address.
#[must_use]
pub fn host(text: &str) -> Option<IpAddr> {
    if let Some(v4) = text.strip_suffix("/32") {
        // Rust reads an IPv4 address in one text only.
        return v4.parse().ok().map(IpAddr::V4);
    }
    let v6 = text.strip_suffix("/128")?;
    let parsed: Ipv6Addr = v6.parse().ok()?;
    (parsed.to_string() == v6).then_some(IpAddr::V6(parsed))
}

fn interface(interface: &Interface) -> Result<HashSet<IpAddr>, BundleError> {
    if !is_interface_name(&interface.name) {
        return Err(invalid("interface.name is not usable"));
    }
    if interface.listen_port == 0 {
        return Err(invalid("interface.listen_port is 0"));
    }
    // 1280 is what IPv6 needs; without IPv6 a tunnel may be narrower.
    if interface.mtu < 576 {
        return Err(invalid("interface.mtu is below 576"));
    }
    if interface.public_key.as_deref().is_some_and(|text| key(text).is_none()) {
        return Err(invalid("interface.public_key is not 32 bytes of base64"));
    }
    if interface.key_rotation == Some(0) {
        return Err(invalid("interface.key_rotation is 0"));
    }
    let mut own = HashSet::new();
    for address in &interface.addresses {
        let parsed = network(address)
            .ok_or_else(|| invalid(format!("interface address {address} is not usable")))?;
        if !own.insert(parsed.ip()) {
            return Err(invalid(format!("interface address {address} is there twice")));
        }
    }
    Ok(own)
}

/// Checks one device by itself. Gives its key and its addresses.
pub(crate) fn device(device: &Device) -> Result<([u8; 32], Vec<IpAddr>), BundleError> {
    let Device { id, public_key, ips, profile: _, not_after, psk_ref } = device;
    if !is_uuid(id) {
        return Err(invalid("a device's id is not a UUID"));
    }
    let key = key(public_key).ok_or_else(|| {
        invalid(format!("the public key of device {id} is not 32 bytes of base64"))
    })?;
    let address = |text: &String| {
        host(text).ok_or_else(|| invalid(format!("{text} of device {id} is not one address")))
    };
    let addresses = ips.iter().map(address).collect::<Result<_, _>>()?;
    if not_after.as_deref().is_some_and(|text| time(text).is_none()) {
        return Err(invalid(format!("not_after of device {id} is not RFC 3339 in UTC")));
    }
    if psk_ref.as_deref().is_some_and(|text| !is_sha256(text)) {
        return Err(invalid(format!("psk_ref of device {id} is not a SHA-256")));
    }
    Ok((key, addresses))
}

fn key(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Checks one profile by itself.
pub(crate) fn profile(name: &str, profile: &Profile) -> Result<(), BundleError> {
    family::<Ipv4Addr>(name, &profile.v4, &profile.v4_ports)?;
    family::<Ipv6Addr>(name, &profile.v6, &profile.v6_ports)
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
}

/// nftables refuses overlapping elements, so that one overlap would keep the
/// whole transaction out: refuse it here, with a name.
fn family<A: FromStr + Display + Ord + Copy>(
    name: &str,
    open: &[String],
    ports: &[PortBox],
) -> Result<(), BundleError> {
    let every = || (Range { start: 0, end: u8::MAX }, Range { start: 0, end: u16::MAX });
    let mut parsed = Vec::with_capacity(open.len() + ports.len());
    for text in open {
        let dst = Range::<A>::parse(text)
            .ok_or_else(|| invalid(format!("range {text} of profile {name} is not usable")))?;
        let (proto, ports) = every();
        parsed.push(ParsedBox { dst, proto, ports });
    }
    for text in ports {
        let one = ParsedBox::<A>::parse(text).ok_or_else(|| {
            let PortBox { dst, proto, ports } = text;
            invalid(format!("box {dst} {proto} {ports} of profile {name} is not usable"))
        })?;
        parsed.push(one);
    }
    // Sweep over the addresses: only boxes that still reach the current start
    // can overlap it.
    parsed.sort_by_key(|one| one.dst.start);
    let mut active: Vec<ParsedBox<A>> = Vec::new();
    for one in parsed {
        active.retain(|earlier| earlier.dst.end >= one.dst.start);
        if active.iter().any(|earlier| earlier.overlaps(&one)) {
            return Err(invalid(format!("profile {name} has overlapping boxes")));
        }
        active.push(one);
    }
    Ok(())
}

fn masquerades(rules: &[Masquerade], v6: bool) -> Result<(), BundleError> {
    let mut seen = HashSet::new();
    for rule in rules {
        let parsed = network(&rule.src);
        if !parsed.is_some_and(|net| net.is_ipv6() == v6 && net.network() == net.ip()) {
            return Err(invalid(format!("masquerade source {} is not usable", rule.src)));
        }
        if !is_interface_name(&rule.oif) {
            return Err(invalid("a masquerade's interface name is not usable"));
        }
        if !seen.insert((&rule.src, &rule.oif)) {
            return Err(invalid(format!("masquerade of {} is there twice", rule.src)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_text() {
        for text in ["100.96.0.10/32", "0.0.0.0/32", "fd00::a/128", "::/128", "::ffff:1.2.3.4/128"]
        {
            let address = text.split('/').next().and_then(|address| address.parse().ok());
            assert!(address.is_some() && host(text) == address, "{text}");
        }
        for text in [
            "100.96.0.10",
            "100.96.0.10/31",
            "100.96.0.10/128",
            "100.96.0.010/32",
            "100.96.10/32",
            " 100.96.0.10/32",
            "100.96.0.10/32 ",
            "100.96.0.10/032",
            "/32",
            "fd00::a/32",
            "fd00::a/127",
            "fd00::0a/128",
            "FD00::a/128",
            "fd00:0::a/128",
            "fd00:0:0:0:0:0:0:a/128",
            "fd00::a%eth0/128",
            "[fd00::a]/128",
            "/128",
            "",
        ] {
            assert_eq!(host(text), None, "{text}");
        }
    }
}
