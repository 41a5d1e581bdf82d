//! `GET /admin/access`

use std::net::IpAddr;

use axum::extract::State;
use nexavpn_domain::{
    Problems,
    access::{DecidedBy, Packet},
    fleet::{DeviceState, DeviceStatus, Fleet},
    ids::{DeviceId, GatewayId, PolicyId, UserId},
    values::{PolicyEffect, Protocol},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{App, error::ApiError, extract::Query};

/// Who, and which packet.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// The device's id, or else `user`.
    #[param(value_type = Option<DeviceId>)]
    device: Option<String>,
    /// The id of a user, for all of the devices.
    #[param(value_type = Option<UserId>)]
    user: Option<String>,
    /// The packet's destination: an IP address.
    #[param(value_type = String)]
    destination: Option<String>,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `sctp` or a protocol number.
    #[param(value_type = String)]
    protocol: Option<String>,
    /// The destination port, for protocols that have ports.
    #[param(value_type = Option<u16>)]
    port: Option<String>,
    /// The moment that is asked about: a time, or the number of an event. The present where it is
    /// left out.
    #[param(value_type = Option<String>)]
    at: Option<String>,
}

/// One device, or all of a user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Device(DeviceId),
    User(UserId),
}

/// The packet, and what happens to it from each device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessAnswer)]
pub(super) struct Answer {
    #[schema(value_type = String)]
    destination: IpAddr,
    protocol: String,
    port: Option<u16>,
    items: Vec<DeviceAnswer>,
}

/// What happens to the packet from one device.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceAnswer {
    device_id: DeviceId,
    gateway_id: GatewayId,
    #[schema(value_type = DeviceStatus)]
    device_status: &'static str,
    allowed: bool,
    /// `policy`, `built-in:dns`, `built-in:echo`, `default` (no policy matches), or `no_peer`: the
    /// gateway does not know the device at all, see its status.
    decided_by: String,
    policy: Option<PolicySummary>,
}

/// The policy that decided.
#[derive(Debug, Serialize, ToSchema)]
struct PolicySummary {
    id: PolicyId,
    name: String,
    priority: u32,
    effect: PolicyEffect,
}

/// What happens to a packet from a device, or from each of a user's devices that is not revoked:
/// the evaluator's own decision, now or at a past moment, the same that the gateways enforce.
#[utoipa::path(
    get,
    path = "/admin/access",
    operation_id = "access_decide",
    tag = "access",
    params(Question),
    responses((status = 200, description = "What happens to the packet from each device.", body = Answer)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Query(question): Query<Question>,
) -> Result<axum::Json<Answer>, ApiError> {
    let at = app.as_of_field("at", question.at.as_deref()).await?;
    let (whose, packet) = check(question)?;
    let answer = |fleet: &Fleet| match whose {
        Whose::Device(id) => {
            let device = fleet.device(id).ok_or_else(|| ApiError::not_found("device"))?;
            Ok(vec![decide(fleet, id, device, &packet)])
        }
        Whose::User(id) => {
            fleet.user(id).ok_or_else(|| ApiError::not_found("user"))?;
            let devices = fleet.devices_of_user(id);
            Ok::<_, ApiError>(devices.map(|(id, d)| decide(fleet, id, d, &packet)).collect())
        }
    };
    let items = match at {
        Some(at) => answer(&*app.fleet_as_of(at).await?)?,
        None => app.fleet.read(answer)?,
    };
    let Packet { dst, protocol, port } = packet;
    Ok(axum::Json(Answer { destination: dst, protocol: protocol.to_string(), port, items }))
}

fn decide(fleet: &Fleet, id: DeviceId, device: &DeviceState, packet: &Packet) -> DeviceAnswer {
    let decision = device.peer().and_then(|_| fleet.access(id)).map(|a| a.decide(packet));
    let (allowed, decided_by, policy) = match decision.map(|d| (d.allowed, d.by)) {
        None => (false, "no_peer".to_owned(), None),
        Some((allowed, DecidedBy::Policy(id))) => (allowed, "policy".to_owned(), Some(id)),
        Some((allowed, by)) => (allowed, by.to_string(), None),
    };
    DeviceAnswer {
        device_id: id,
        gateway_id: device.gateway_id,
        device_status: device.status().as_str(),
        allowed,
        decided_by,
        policy: policy.and_then(|id| summary(fleet, id)),
    }
}

fn summary(fleet: &Fleet, id: PolicyId) -> Option<PolicySummary> {
    let rule = &fleet.policy(id)?.rule;
    let name = rule.name.clone();
    Some(PolicySummary { id, name, priority: rule.priority, effect: rule.effect })
}

fn check(question: Question) -> Result<(Whose, Packet), ApiError> {
    let mut problems = Problems::default();
    let whose = whose(question.device, question.user, &mut problems);
    let destination = needed("destination", question.destination, &mut problems, |text| {
        let ip: IpAddr = text.parse().map_err(|_| "must be an IP address".to_owned())?;
        Ok(ip.to_canonical())
    });
    let protocol = needed("protocol", question.protocol, &mut problems, Protocol::parse);
    let port = question.port.filter(|p| !p.is_empty()).map(|text| {
        let bad = |_| "must be a port between 0 and 65535".to_owned();
        problems.check("port", text.parse::<u16>().map_err(bad))
    });
    match (protocol, port) {
        (Some(protocol), None) if protocol.has_ports() => problems.add("port", "is required"),
        (Some(protocol), Some(_)) if !protocol.has_ports() => {
            problems.add("port", format!("must be left out: {protocol} has no ports"));
        }
        _ => {}
    }
    problems.finish()?;
    match (whose, destination, protocol) {
        (Some(whose), Some(dst), Some(protocol)) => {
            Ok((whose, Packet { dst, protocol, port: port.flatten() }))
        }
        // Whatever is missing was noted above.
        _ => Err(ApiError::field("query", "is not complete")),
    }
}

fn whose(device: Option<String>, user: Option<String>, problems: &mut Problems) -> Option<Whose> {
    let not_uuid = |_| "must be a UUID".to_owned();
    match (device, user) {
        (Some(id), None) => {
            problems.check("device", id.parse().map(Whose::Device).map_err(not_uuid))
        }
        (None, Some(id)) => problems.check("user", id.parse().map(Whose::User).map_err(not_uuid)),
        (None, None) => {
            problems.add("device", "is required, or user");
            None
        }
        (Some(_), Some(_)) => {
            problems.add("user", "must be left out where device is given");
            None
        }
    }
}

fn needed<T>(
    field: &str,
    value: Option<String>,
    problems: &mut Problems,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    match value.filter(|v| !v.is_empty()) {
        Some(text) => problems.check(field, parse(text.trim())),
        None => {
            problems.add(field, "is required");
            None
        }
    }
}
