//! From when until when gateways enforced what was decided, by the record of the bundles that they
//! applied.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use nexavpn_domain::{access::Packet, ids::DeviceId};
use nexavpn_gateway_projector::reports::{Enforced, EnforcedQuestion};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    look::Look,
    subject::Subject,
    timeline::{Span, Timeline},
};
use crate::{
    App,
    error::ApiError,
    moment::{AsOf, MomentView},
};

/// From when until when the decision held, and from when until when the device's gateway enforced
/// it. What a gateway enforced is known from its reports.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Enforcement)]
pub(super) struct EnforcementView {
    /// At the moment asked about: `enforced`, `not_enforced` (the gateway still did something
    /// else), or `unknown` (it had reported no bundle).
    status: &'static str,
    /// The event that the decision began with; null where that is further back than was looked.
    decided_since: Option<MomentView>,
    /// The event that ended it; null where it still holds, or where that is further ahead than was
    /// looked.
    decided_until: Option<MomentView>,
    /// When the gateway could first fetch a bundle with the decision.
    published_at: Option<DateTime<Utc>>,
    /// When the gateway first reported a bundle with the decision; null where it never has, or
    /// where the beginning is not known.
    enforced_from: Option<DateTime<Utc>>,
    /// When it first reported a bundle in which the decision is over.
    enforced_until: Option<DateTime<Utc>>,
    /// The bundle that it had in force at the moment asked about.
    in_force: Option<InForceView>,
}

/// A bundle that a gateway had in force.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BundleInForce)]
struct InForceView {
    epoch: i64,
    revision: i64,
    /// When the gateway reported it.
    applied_at: DateTime<Utc>,
    /// Whether it lets the packet pass; null where no packet was asked about, or where it is from
    /// longer ago than was looked.
    allowed: Option<bool>,
    /// Whether it says what was decided; null where it is from longer ago than was looked.
    agrees: Option<bool>,
}

/// What was decided about some devices around a moment, and what their gateways made of it, in
/// their order.
pub(super) async fn enforcement(
    app: &App,
    at: AsOf,
    subjects: &[Subject],
    packet: Option<Packet>,
) -> Result<(Timeline, Vec<EnforcementView>), ApiError> {
    let ids: BTreeSet<DeviceId> = subjects.iter().map(|subject| subject.id).collect();
    let mut look = Look::at(app, at, ids, packet).await?;
    let timeline = &look.timeline;
    let spans: Vec<Span> =
        subjects.iter().map(|s| timeline.span(s.id, s.gateway_id, at.idx)).collect();
    let question = |(subject, span): (&Subject, &Span)| EnforcedQuestion {
        gateway: subject.gateway_id,
        since: span.since.map_or(timeline.start, |moment| moment.idx),
        until: span.until.map(|moment| moment.idx),
        at: at.asked,
    };
    let questions: Vec<_> = subjects.iter().zip(&spans).map(question).collect();
    let enforced = app.reports.enforced(&questions).await?;
    // What a gateway had in force may be older than what was decided.
    let oldest = enforced.iter().filter_map(|e| Some(e.in_force.as_ref()?.revision)).min();
    if let Some(oldest) = oldest {
        look.back_to(oldest).await?;
    }
    let timeline = look.timeline;
    let all = subjects.iter().zip(spans).zip(enforced);
    let views = all.map(|((subject, span), enforced)| view(&timeline, at, subject, span, enforced));
    let views = views.collect();
    Ok((timeline, views))
}

fn view(
    timeline: &Timeline,
    at: AsOf,
    subject: &Subject,
    span: Span,
    enforced: Enforced,
) -> EnforcementView {
    let gateway = subject.gateway_id;
    let decided = timeline.turn_at(subject.id, at.idx);
    let in_force = enforced.in_force.map(|bundle| {
        let then = timeline.turn_at(subject.id, bundle.revision);
        InForceView {
            epoch: bundle.epoch,
            revision: bundle.revision,
            applied_at: bundle.applied_at,
            allowed: then.and_then(|turn| turn.allows(gateway)),
            agrees: decided.zip(then).map(|(decided, then)| then.does_as(gateway, decided)),
        }
    });
    let status = match in_force.as_ref().and_then(|bundle| bundle.agrees) {
        Some(true) => "enforced",
        Some(false) => "not_enforced",
        None => "unknown",
    };
    let known = span.since.is_some();
    EnforcementView {
        status,
        decided_since: span.since,
        decided_until: span.until,
        published_at: enforced.published_at.filter(|_| known),
        enforced_from: enforced.from.filter(|_| known),
        enforced_until: enforced.until,
        in_force,
    }
}
