//! `GET /admin/access/explain`

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use axum::extract::State;
use chrono::{DateTime, Utc};
use nexavpn_domain::{
    access::{Access, DecidedBy, Packet, Rule},
    fleet::{DeviceStatus, Fleet, PolicyState},
    ids::{DeviceId, GatewayId, PolicyId, UserId},
    values::PolicyEffect,
};
use nexavpn_projections::{devices::names, gateways, users};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    enforcement::{EnforcementView, enforcement},
    question::{Asked, Question},
    subject::{PolicySummary, Subject},
    timeline::Happened,
};
use crate::{
    App,
    error::ApiError,
    extract::{Query, required},
    moment::MomentView,
    routes::admin::preview::{self, view::List},
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
    /// The most policies that are listed for each device as not asked.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<String>,
}

/// Why the packet passes or not, from each device.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessExplanation)]
pub(super) struct Answer {
    as_of: MomentView,
    #[schema(value_type = String)]
    destination: IpAddr,
    protocol: String,
    port: Option<u16>,
    items: Vec<Explained>,
}

/// Why the packet passes or not from one device.
#[derive(Serialize, ToSchema)]
#[schema(as = ExplainedDevice)]
struct Explained {
    device_id: DeviceId,
    /// As it is called now; null once erased.
    device_name: Option<String>,
    user_id: UserId,
    /// As the owner is called now; null once erased.
    username: Option<String>,
    gateway_id: GatewayId,
    #[schema(value_type = DeviceStatus)]
    device_status: &'static str,
    allowed: bool,
    /// `policy`, `built-in:dns`, `built-in:echo`, `default` (no policy matches), or `no_peer`: the
    /// gateway does not know the device at all, see its status.
    decided_by: String,
    policy: Option<PolicySummary>,
    /// The rules about the device in the order in which they are asked; the first that matches
    /// decides. Those of a device that is no peer are the ones that would be asked.
    considered: Vec<ConsideredRule>,
    /// Policies that are not asked, first those that list the packet.
    not_asked: List<NotAsked>,
    /// The event that made the decision what it is: before it another one held, or another policy
    /// decided, and since then this one has held. Null where it is further back than
    /// `searched_from`.
    made_so_by: Option<EventView>,
    /// The event from which on that was looked for; 0 is the beginning.
    searched_from: i64,
    enforcement: EnforcementView,
}

/// A rule that is asked.
#[derive(Serialize, ToSchema)]
struct ConsideredRule {
    /// `policy`, `built-in:dns` or `built-in:echo`.
    rule: String,
    policy: Option<PolicySummary>,
    /// Whether it lets pass what it matches.
    allows: bool,
    /// `decides`, `would_decide` (the device is no peer), `comes_later` (it matches too), or why it
    /// does not match: `other_destination`, `other_service`, `other_family` (devices of the gateway
    /// have no such addresses) or `gateway_itself` (no policy opens the gateway).
    outcome: &'static str,
}

/// A policy that is not asked.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyNotAsked)]
struct NotAsked {
    policy: PolicySummary,
    /// `disabled`, `not_begun`, `expired` or `not_targeted`.
    reason: &'static str,
    /// Whether it lists the packet, so that it might have decided.
    lists_packet: bool,
}

/// An event, and who caused it.
#[derive(Serialize, ToSchema)]
#[schema(as = CausingEvent)]
struct EventView {
    idx: i64,
    time: DateTime<Utc>,
    event_type: String,
    entity_type: String,
    entity_id: String,
    actor: ActorView,
    /// Why, in the actor's words.
    reason: Option<String>,
}

/// Who acted.
#[derive(Serialize, ToSchema)]
#[schema(as = CausingActor)]
struct ActorView {
    /// `user`, `gateway`, `system` or `anonymous`.
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    /// The present name; null where it was erased.
    name: Option<String>,
}

/// Why a packet passes or not from a device, or from each of a user's devices, now or at a past
/// moment: the rules that are asked, in their order, and why each matches or not; the policies that
/// are not asked, and why; the event that made the decision what it is, and who caused it; and from
/// when until when the device's gateway enforced it.
#[utoipa::path(
    get,
    path = "/admin/access/explain",
    operation_id = "access_explain",
    tag = "access",
    params(Parameters),
    responses((status = 200, description = "Why, for each device.", body = Answer)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Query(parameters): Query<Parameters>,
) -> Result<axum::Json<Answer>, ApiError> {
    let Parameters { device, user, destination, protocol, port, at, limit } = parameters;
    let asked = Asked { device, user, destination, protocol, port };
    let Question { whose, packet } = asked.check()?;
    let packet = packet.ok_or_else(|| required("destination"))?;
    let whose = whose.ok_or_else(|| ApiError::field("device", "is required, or user"))?;
    let limit = preview::limit(limit.as_deref())?;
    let at = app.as_of_field("at", at.as_deref()).await?;
    let explained = |fleet: &Fleet| {
        let subjects = Subject::all_of(fleet, whose)?;
        let rules: Vec<_> = subjects.iter().map(|s| rules(fleet, s, &packet, limit)).collect();
        Ok::<_, ApiError>((subjects, rules))
    };
    let (at, explained) = app.look(at, explained).await?;
    let (subjects, rules) = explained?;
    let ids: Vec<DeviceId> = subjects.iter().map(|subject| subject.id).collect();
    let mut names = names(&app.pool, &ids).await?;
    let (timeline, enforced) = enforcement(&app, at, &subjects, Some(packet)).await?;
    let mut items = Vec::with_capacity(subjects.len());
    for ((subject, (considered, not_asked)), enforcement) in
        subjects.into_iter().zip(rules).zip(enforced)
    {
        let verdict = subject.verdict(&packet);
        let (device_name, username) =
            names.remove(&subject.id).map(|n| (n.name, n.username)).unwrap_or_default();
        let made_so_by = match timeline.made_so_by(subject.id, at.idx) {
            Some(event) => Some(EventView::new(&app, event).await?),
            None => None,
        };
        items.push(Explained {
            device_id: subject.id,
            device_name,
            user_id: subject.owner,
            username,
            gateway_id: subject.gateway_id,
            device_status: subject.status.as_str(),
            allowed: verdict.allowed,
            decided_by: verdict.decided_by,
            policy: verdict.policy,
            considered,
            not_asked,
            made_so_by,
            searched_from: timeline.start,
            enforcement,
        });
    }
    let Packet { dst, protocol, port } = packet;
    let protocol = protocol.to_string();
    Ok(axum::Json(Answer { as_of: at.into(), destination: dst, protocol, port, items }))
}

/// The rules that are asked about a device, and the policies that are not.
fn rules(
    fleet: &Fleet,
    subject: &Subject,
    packet: &Packet,
    limit: usize,
) -> (Vec<ConsideredRule>, List<NotAsked>) {
    let Some(access) = fleet.access(subject.id) else {
        return (vec![], List::first([], 0, limit));
    };
    let decides = if subject.compiled.is_some() { "decides" } else { "would_decide" };
    let mut decided = false;
    let considered = access.explain(packet).into_iter().map(|one| {
        let outcome = match one.mismatch {
            Some(why) => why.as_str(),
            None if decided => "comes_later",
            None => decides,
        };
        decided |= one.matched;
        let (rule, policy) = match one.rule {
            DecidedBy::Policy(id) => {
                ("policy".to_owned(), fleet.policy(id).map(|p| summary(id, p)))
            }
            by => (by.to_string(), None),
        };
        ConsideredRule { rule, policy, allows: one.allows, outcome }
    });
    let considered = considered.collect();
    let asked: BTreeSet<PolicyId> = access.rules().iter().map(|rule| rule.id).collect();
    let others = fleet.policies().filter(|(id, _)| !asked.contains(id));
    let mut others: Vec<_> = others
        .map(|(id, policy)| {
            let lists_packet = lists(&access, &policy.rule, packet);
            let place = (!lists_packet, policy.rule.priority, policy.created_idx);
            (place, id, policy, lists_packet)
        })
        .collect();
    others.sort_by_key(|(place, ..)| *place);
    let total = others.len();
    let others = others.into_iter().map(|(_, id, policy, lists_packet)| {
        let reason = why_not_asked(policy);
        NotAsked { policy: summary(id, policy), reason, lists_packet }
    });
    (considered, List::first(others, total, limit))
}

/// Whether a policy would match, were it asked in the place of the others.
fn lists(access: &Access, rule: &Arc<Rule>, packet: &Packet) -> bool {
    let alone = access.with_rules([Arc::clone(rule)]);
    let considered = alone.explain(packet);
    considered.iter().any(|one| one.rule == DecidedBy::Policy(rule.id) && one.matched)
}

fn why_not_asked(policy: &PolicyState) -> &'static str {
    let enabled = policy.policy.fields().is_some_and(|fields| fields.enabled);
    if !enabled {
        "disabled"
    } else if !policy.policy.is_activated() {
        "not_begun"
    } else if policy.policy.is_expired() {
        "expired"
    } else {
        "not_targeted"
    }
}

fn summary(id: PolicyId, policy: &PolicyState) -> PolicySummary {
    let Rule { name, priority, effect, .. } = &*policy.rule;
    let effect: PolicyEffect = *effect;
    PolicySummary { id, name: name.clone(), priority: *priority, effect }
}

impl EventView {
    async fn new(app: &App, event: &Happened) -> Result<Self, ApiError> {
        let meta = |key: &str| event.metadata.get(key).cloned();
        let (kind, id) = (meta("actor_type"), meta("actor_id"));
        let uuid = id.as_deref().and_then(|id| id.parse().ok());
        let name = match (kind.as_deref(), uuid) {
            (Some("user"), Some(id)) => {
                users::get(app.direct(), UserId(id)).await?.and_then(|user| user.username)
            }
            (Some("gateway"), Some(id)) => {
                let gateway = gateways::get(app.direct(), GatewayId(id)).await?;
                gateway.map(|gateway| gateway.fields.name)
            }
            (Some("system"), _) => id.clone(),
            _ => None,
        };
        let kind = kind.unwrap_or_else(|| "unknown".to_owned());
        Ok(Self {
            idx: event.idx,
            time: event.time,
            event_type: event.event_type.clone(),
            entity_type: event.entity_type.clone(),
            entity_id: event.entity_id.clone(),
            actor: ActorView { kind, id, name },
            reason: meta("reason"),
        })
    }
}
