//! `GET /admin/access`

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use axum::extract::State;
use nexavpn_domain::{
    access::{DecidedBy, Difference, Packet, Part},
    fleet::{Compiled, DeviceStatus},
    ids::{DeviceId, GatewayId, UserId},
};
use nexavpn_projections::devices::names;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    enforcement::{EnforcementView, enforcement},
    question::{Asked, Question},
    subject::{PolicySummary, Subject, Verdict},
};
use crate::{
    App,
    error::ApiError,
    extract::Query,
    moment::{AsOf, MomentView},
    routes::admin::{
        keyset::KeysetPage,
        preview::{
            self,
            compose::service,
            view::{List, ServiceView},
        },
    },
};

/// Who, which packet, and when.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// The device's id, or else `user`.
    #[param(value_type = Option<DeviceId>)]
    device: Option<String>,
    /// The id of a user, for all of the devices.
    #[param(value_type = Option<UserId>)]
    user: Option<String>,
    /// The packet's destination: an IP address. Where it is left out, everything that is reached is
    /// listed; without a device or user, every device that reaches it.
    #[param(value_type = Option<String>)]
    destination: Option<String>,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `sctp` or a protocol number; needed with a destination.
    #[param(value_type = Option<String>)]
    protocol: Option<String>,
    /// The destination port, for protocols that have ports.
    #[param(value_type = Option<u16>)]
    port: Option<String>,
    /// The moment that is asked about: a time, or the number of an event. The present where it is
    /// left out.
    #[param(value_type = Option<String>)]
    at: Option<String>,
    /// Where every device that reaches a destination is asked for: the `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<String>,
    /// Of those, how many at once.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    page_size: Option<String>,
    /// The most destinations that are listed for each device.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<String>,
}

/// What happens to the packet from each device; where none was named, what each reaches.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessAnswer)]
pub(super) struct Answer {
    as_of: MomentView,
    /// Null where everything that is reached was asked for.
    #[schema(value_type = Option<String>)]
    destination: Option<IpAddr>,
    protocol: Option<String>,
    port: Option<u16>,
    /// Where neither a device nor a user was named: those that the packet passes from, by id.
    items: Vec<DeviceAnswer>,
    /// How many devices there are; more than are shown where there is a `next`.
    total: usize,
    /// What to give as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// What is decided about one device.
#[derive(Serialize, ToSchema)]
struct DeviceAnswer {
    device_id: DeviceId,
    /// As it is called now; null once erased.
    device_name: Option<String>,
    user_id: UserId,
    /// As the owner is called now; null once erased.
    username: Option<String>,
    gateway_id: GatewayId,
    #[schema(value_type = DeviceStatus)]
    device_status: &'static str,
    /// Whether the packet passes; where none was named, whether anything is reached.
    allowed: bool,
    /// `policy`, `built-in:dns`, `built-in:echo`, `default` (no policy matches), or `no_peer`: the
    /// gateway does not know the device at all, see its status. Where no packet was named:
    /// `no_peer`, or null, as each destination says it.
    decided_by: Option<String>,
    policy: Option<PolicySummary>,
    /// Where no packet was named: all that is reached, disjoint. The gateway's answer to echo
    /// requests is not listed.
    destinations: Option<List<Reached>>,
    enforcement: EnforcementView,
}

/// Addresses and services that are reached, and what opens them.
#[derive(Serialize, ToSchema)]
#[schema(as = ReachedDestination)]
struct Reached {
    /// A CIDR.
    network: String,
    /// Empty means all.
    services: Vec<ServiceView>,
    /// `policy` or `built-in:dns`.
    decided_by: String,
    policy: Option<PolicySummary>,
}

/// Who may reach what, now or at a past moment. With a device or user and a destination: what
/// happens to the packet from each device that is not revoked, by the evaluator's own decision, the
/// same that gateways enforce. Without a destination: everything that each device reaches. Without
/// device and user: every device that the packet passes from. Each answer says from when until when
/// that was decided, and from when until when the device's gateway enforced it.
#[utoipa::path(
    get,
    path = "/admin/access",
    operation_id = "access_decide",
    tag = "access",
    params(Parameters),
    responses((status = 200, description = "What happens to the packet from each device, or what each reaches.", body = Answer)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Query(parameters): Query<Parameters>,
) -> Result<axum::Json<Answer>, ApiError> {
    let Parameters { device, user, destination, protocol, port, at, after, page_size, limit } =
        parameters;
    let asked = Asked { device, user, destination, protocol, port };
    let Question { whose, packet } = asked.check()?;
    let page = KeysetPage::<DeviceId>::of(after.as_deref(), page_size.as_deref())?;
    if page.after.is_some() && whose.is_some() {
        return Err(ApiError::field("after", "must be left out where device or user is given"));
    }
    let limit = preview::limit(limit.as_deref())?;
    let at = app.as_of_field("at", at.as_deref()).await?;
    let (at, subjects, total, next) = match (whose, packet) {
        (Some(whose), _) => {
            let (at, subjects) = app.look(at, |fleet| Subject::all_of(fleet, whose)).await?;
            let subjects = subjects?;
            let total = subjects.len();
            (at, subjects, total, None)
        }
        (None, Some(packet)) => who(&app, at, packet, page).await?,
        // The check demands one of both.
        (None, None) => return Err(ApiError::field("query", "is not complete")),
    };
    let ids: Vec<DeviceId> = subjects.iter().map(|subject| subject.id).collect();
    let mut names = names(&app.pool, &ids).await?;
    let (_, enforced) = enforcement(&app, at, &subjects, packet).await?;
    // A full tunnel is long to list.
    let said = move || {
        let say = |subject: Subject| {
            let said = said(&subject, packet.as_ref(), limit);
            (subject, said)
        };
        subjects.into_iter().map(say).collect::<Vec<_>>()
    };
    let said = tokio::task::spawn_blocking(said).await.map_err(|e| ApiError::internal(&e))?;
    let item = |((subject, said), enforcement): ((Subject, Said), EnforcementView)| {
        let (device_name, username) =
            names.remove(&subject.id).map(|n| (n.name, n.username)).unwrap_or_default();
        DeviceAnswer {
            device_id: subject.id,
            device_name,
            user_id: subject.owner,
            username,
            gateway_id: subject.gateway_id,
            device_status: subject.status.as_str(),
            allowed: said.allowed,
            decided_by: said.decided_by,
            policy: said.policy,
            destinations: said.destinations,
            enforcement,
        }
    };
    let items = said.into_iter().zip(enforced).map(item).collect();
    Ok(axum::Json(Answer {
        as_of: at.into(),
        destination: packet.map(|packet| packet.dst),
        protocol: packet.map(|packet| packet.protocol.to_string()),
        port: packet.and_then(|packet| packet.port),
        items,
        total,
        next,
    }))
}

/// Every device that a packet passes from.
async fn who(
    app: &App,
    at: Option<AsOf>,
    packet: Packet,
    page: KeysetPage<DeviceId>,
) -> Result<(AsOf, Vec<Subject>, usize, Option<String>), ApiError> {
    let (at, peers) = app.look(at, Subject::all_peers).await?;
    // There may be a hundred thousand. Those with the same rules are asked about once.
    let passing = move || {
        let mut known: HashMap<*const Compiled, bool> = HashMap::new();
        let passes = |subject: &Subject| {
            subject.compiled.as_ref().is_some_and(|compiled| {
                let decide = || compiled.access().decide(&packet).allowed;
                *known.entry(Arc::as_ptr(compiled)).or_insert_with(decide)
            })
        };
        let mut passing: Vec<Subject> = peers;
        passing.retain(passes);
        passing
    };
    let mut passing =
        tokio::task::spawn_blocking(passing).await.map_err(|e| ApiError::internal(&e))?;
    let total = passing.len();
    let begin = page.after.map_or(0, |after| passing.partition_point(|s| s.id <= after));
    passing.drain(..begin);
    let next = page.cut(&mut passing, |subject| subject.id.to_string());
    Ok((at, passing, total, next))
}

/// What is said about a device.
struct Said {
    allowed: bool,
    decided_by: Option<String>,
    policy: Option<PolicySummary>,
    destinations: Option<List<Reached>>,
}

fn said(subject: &Subject, packet: Option<&Packet>, limit: usize) -> Said {
    if let Some(packet) = packet {
        let Verdict { allowed, decided_by, policy } = subject.verdict(packet);
        return Said { allowed, decided_by: Some(decided_by), policy, destinations: None };
    }
    let destinations = destinations(subject, limit);
    let decided_by = subject.compiled.is_none().then(|| "no_peer".to_owned());
    let allowed = destinations.total > 0;
    Said { allowed, decided_by, policy: None, destinations: Some(destinations) }
}

fn destinations(subject: &Subject, limit: usize) -> List<Reached> {
    let access = subject.compiled.as_ref().map(|compiled| compiled.access());
    let parts = Difference::between(None, access).gained;
    let reached = |part: &Part| {
        let all = part.is_of_all_services();
        let (decided_by, policy) = match part.after {
            Some(DecidedBy::Policy(id)) => ("policy".to_owned(), subject.policy(id)),
            Some(by) => (by.to_string(), None),
            None => ("no_peer".to_owned(), None),
        };
        Reached {
            network: part.network.to_string(),
            services: part.services.iter().filter(|_| !all).map(service).collect(),
            decided_by,
            policy,
        }
    };
    List::first(parts.iter().map(reached), parts.len(), limit)
}
