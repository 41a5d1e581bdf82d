//! What a request says of a policy.

use chrono::{DateTime, Utc};
use nexavpn_commands::{PolicyPatch, TargetInput};
use nexavpn_domain::values::{PolicyEffect, Service, Target};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::extract::nullable;

/// The request. To create a policy `name` and `effect` are required; a change leaves as it is what
/// is left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyPatch)]
pub(in crate::routes::admin) struct PolicyBody {
    name: Option<String>,
    description: Option<String>,
    priority: Option<i64>,
    #[schema(value_type = Option<PolicyEffect>)]
    effect: Option<String>,
    full_tunnel: Option<bool>,
    destinations: Option<Vec<String>>,
    #[schema(value_type = Option<Vec<Target>>)]
    targets: Option<Vec<TargetBody>>,
    #[schema(value_type = Option<Vec<Service>>)]
    services: Option<Vec<ServiceBody>>,
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    valid_from: Option<Option<DateTime<Utc>>>,
    #[serde(default, deserialize_with = "nullable")]
    valid_until: Option<Option<DateTime<Utc>>>,
}

/// Whom the policy is about: `user`, `group` or `device` with an id, or `everyone`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetBody {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
}

/// A protocol and, where it has ports, which: `443` or `8000-8100`. No ports means all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceBody {
    protocol: String,
    #[serde(default)]
    ports: Vec<String>,
}

impl From<PolicyBody> for PolicyPatch {
    fn from(body: PolicyBody) -> Self {
        let target = |t: TargetBody| TargetInput { kind: t.kind, id: t.id };
        let targets = body.targets.map(|list| list.into_iter().map(target).collect());
        let services = body.services.map(|list| {
            list.into_iter().map(|service| (service.protocol, service.ports)).collect()
        });
        Self {
            name: body.name,
            description: body.description,
            priority: body.priority,
            effect: body.effect,
            full_tunnel: body.full_tunnel,
            destinations: body.destinations,
            targets,
            services,
            enabled: body.enabled,
            valid_from: body.valid_from,
            valid_until: body.valid_until,
        }
    }
}
