//! Who and what is asked about.

use std::net::IpAddr;

use nexavpn_domain::{
    Problems,
    access::Packet,
    ids::{DeviceId, UserId},
    values::Protocol,
};

use crate::error::ApiError;

/// One device, or all of a user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Device(DeviceId),
    User(UserId),
}

/// The parameters as they came.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) device: Option<String>,
    pub(super) user: Option<String>,
    pub(super) destination: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) port: Option<String>,
}

/// What is asked, as far as it was said.
pub(super) struct Question {
    pub(super) whose: Option<Whose>,
    pub(super) packet: Option<Packet>,
}

impl Asked {
    /// Checks them. One of both, whose devices and which packet, is always there.
    pub(super) fn check(self) -> Result<Question, ApiError> {
        let mut problems = Problems::default();
        let blank = |value: Option<String>| value.filter(|text| !text.trim().is_empty());
        let (device, user) = (blank(self.device), blank(self.user));
        let parts = [blank(self.destination), blank(self.protocol), blank(self.port)];
        let any = parts.iter().any(Option::is_some);
        let whose = whose(device, user, any, &mut problems);
        let packet = any.then(|| packet(parts, &mut problems)).flatten();
        problems.finish()?;
        Ok(Question { whose, packet })
    }
}

fn whose(
    device: Option<String>,
    user: Option<String>,
    packet: bool,
    problems: &mut Problems,
) -> Option<Whose> {
    let not_uuid = |_| "must be a UUID".to_owned();
    match (device, user) {
        (Some(id), None) => {
            problems.check("device", id.parse().map(Whose::Device).map_err(not_uuid))
        }
        (None, Some(id)) => problems.check("user", id.parse().map(Whose::User).map_err(not_uuid)),
        (None, None) if packet => None,
        (None, None) => {
            problems.add("device", "is required, or user, or destination");
            None
        }
        (Some(_), Some(_)) => {
            problems.add("user", "must be left out where device is given");
            None
        }
    }
}

fn packet(
    [destination, protocol, port]: [Option<String>; 3],
    problems: &mut Problems,
) -> Option<Packet> {
    let destination = needed("destination", destination, problems, |text| {
        let ip: IpAddr = text.parse().map_err(|_| "must be an IP address".to_owned())?;
        Ok(ip.to_canonical())
    });
    let protocol = needed("protocol", protocol, problems, Protocol::parse);
    let port = port.map(|text| {
        let bad = |_| "must be a port between 0 and 65535".to_owned();
        problems.check("port", text.trim().parse::<u16>().map_err(bad))
    });
    match (protocol, port) {
        (Some(protocol), None) if protocol.has_ports() => problems.add("port", "is required"),
        (Some(protocol), Some(_)) if !protocol.has_ports() => {
            problems.add("port", format!("must be left out: {protocol} has no ports"));
        }
        _ => {}
    }
    Some(Packet { dst: destination?, protocol: protocol?, port: port.flatten() })
}

fn needed<T>(
    field: &str,
    value: Option<String>,
    problems: &mut Problems,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    match value {
        Some(text) => problems.check(field, parse(text.trim())),
        None => {
            problems.add(field, "is required");
            None
        }
    }
}
