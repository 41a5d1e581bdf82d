//! What can happen to a policy.

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aggregate::wire_names,
    event::{Effect, StoredEvent},
    ids::UserId,
    occasion::{Kind, Occasion},
    values::{PolicyEffect, Service, Target},
};

/// Everything an admin sets on a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyFields {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its place in the order; the lowest number comes first.
    pub priority: u32,
    /// Allow or deny.
    pub effect: PolicyEffect,
    /// Whether all traffic of the device is routed, and the public internet allowed.
    pub full_tunnel: bool,
    /// Which destinations it is about.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub destinations: Vec<IpNetwork>,
    /// Whom it is about; empty means nobody.
    pub targets: Vec<Target>,
    /// Which protocols and ports; empty means all.
    #[serde(default)]
    pub services: Vec<Service>,
    /// Whether it counts at all.
    pub enabled: bool,
    /// From when it counts.
    #[serde(default)]
    pub valid_from: Option<DateTime<Utc>>,
    /// Until when it counts.
    #[serde(default)]
    pub valid_until: Option<DateTime<Utc>>,
}

/// An event of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum PolicyEvent {
    /// The policy exists from now on. With a `valid_from` it waits for [`Self::Activated`].
    #[serde(rename = "policy.created")]
    Created {
        /// All of it.
        #[serde(flatten)]
        fields: PolicyFields,
    },
    /// What is given has changed. A `validity` starts the waiting for activation anew.
    #[serde(rename = "policy.changed")]
    Changed {
        /// Another name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Another description.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// Another priority.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<u32>,
        /// Another effect.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effect: Option<PolicyEffect>,
        /// Full tunnel on or off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        full_tunnel: Option<bool>,
        /// Exactly these destinations.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        destinations: Option<Vec<IpNetwork>>,
        /// Exactly these targets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        targets: Option<Vec<Target>>,
        /// Exactly these services.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        services: Option<Vec<Service>>,
        /// Enabled or disabled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enabled: Option<bool>,
        /// Another time of validity.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        validity: Option<Validity>,
    },
    /// Its `valid_from` came.
    #[serde(rename = "policy.activated")]
    Activated {},
    /// Its `valid_until` came.
    #[serde(rename = "policy.expired")]
    Expired {},
    /// Gone.
    #[serde(rename = "policy.deleted")]
    Deleted {},
    /// It exists again after it was deleted, as it was at an earlier moment.
    #[serde(rename = "policy.restored")]
    Restored {
        /// All of it.
        #[serde(flatten)]
        fields: PolicyFields,
    },
}

/// From when until when a policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// From when; none means from the beginning.
    pub from: Option<DateTime<Utc>>,
    /// Until when; none means for ever.
    pub until: Option<DateTime<Utc>>,
}

wire_names!(PolicyEvent {
    Created => "policy.created",
    Changed => "policy.changed",
    Activated => "policy.activated",
    Expired => "policy.expired",
    Deleted => "policy.deleted",
    Restored => "policy.restored",
});

impl StoredEvent for PolicyEvent {
    const AGGREGATE_TYPE: &'static str = "policy";

    fn personal_fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn subject(&self, _: Uuid) -> Option<UserId> {
        None
    }

    fn effects(&self, _: Uuid) -> Vec<Effect> {
        vec![]
    }

    fn occasion(&self) -> Option<Occasion> {
        const VALIDITY: &[Kind] = &[
            Kind::all("policy.created"),
            Kind::with("policy.changed", "validity"),
            Kind::all("policy.restored"),
        ];
        let in_time = matches!(self, Self::Activated {} | Self::Expired {});
        in_time.then_some(Occasion::latest(VALIDITY))
    }
}
