//! What can happen to a webhook. Its secret is in none of the events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aggregate::wire_names,
    event::{Effect, StoredEvent},
    ids::UserId,
};

/// Why nothing is sent any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DisabledBecause {
    /// Somebody asked for it.
    Requested,
    /// The endpoint answered 410 Gone: it wants nothing any more.
    Gone,
}

impl DisabledBecause {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Gone => "gone",
        }
    }
}

/// An event of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum WebhookEvent {
    /// Events are sent from now on.
    #[serde(rename = "webhook.created")]
    Created {
        /// Where to.
        url: String,
        /// What it is for.
        description: String,
        /// Which events: types, or what stands before a `*`; all where there is none.
        event_types: Vec<String>,
    },
    /// Other settings; what is left out stays.
    #[serde(rename = "webhook.changed")]
    Changed {
        /// Another address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// Another description.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// Exactly these types.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        event_types: Option<Vec<String>>,
    },
    /// Another secret signs from now on.
    #[serde(rename = "webhook.secret_rotated")]
    SecretRotated {
        /// Until when the one before signs as well.
        previous_until: DateTime<Utc>,
    },
    /// Events are sent again, from where it was.
    #[serde(rename = "webhook.enabled")]
    Enabled {},
    /// Nothing is sent any more.
    #[serde(rename = "webhook.disabled")]
    Disabled {
        /// Why.
        because: DisabledBecause,
    },
    /// Events are sent from another number on.
    #[serde(rename = "webhook.replayed")]
    Replayed {
        /// The first one.
        from: u64,
    },
    /// Gone.
    #[serde(rename = "webhook.deleted")]
    Deleted {},
}

wire_names!(WebhookEvent {
    Created => "webhook.created",
    Changed => "webhook.changed",
    SecretRotated => "webhook.secret_rotated",
    Enabled => "webhook.enabled",
    Disabled => "webhook.disabled",
    Replayed => "webhook.replayed",
    Deleted => "webhook.deleted",
});

impl StoredEvent for WebhookEvent {
    const AGGREGATE_TYPE: &'static str = "webhook";

    fn personal_fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn subject(&self, _: Uuid) -> Option<UserId> {
        None
    }

    fn effects(&self, _: Uuid) -> Vec<Effect> {
        vec![]
    }
}
