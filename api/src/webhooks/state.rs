//! How an endpoint stands, in a word.

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_commands::Deliveries;
use serde::Serialize;
use utoipa::ToSchema;

/// An endpoint that has failed for so long is reported as dead. It is tried on all the same.
const DEAD: TimeDelta = TimeDelta::hours(1);

/// How an endpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WebhookState)]
pub(crate) enum Standing {
    /// Nothing is sent.
    Disabled,
    /// It takes what it is sent.
    Ok,
    /// The last attempt failed.
    Failing,
    /// All attempts have failed for an hour or longer.
    Dead,
}

impl Standing {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Disabled, Self::Ok, Self::Failing, Self::Dead];

    /// How an endpoint stands now.
    pub(crate) fn of(deliveries: &Deliveries, now: DateTime<Utc>) -> Self {
        match deliveries.failing_since {
            _ if !deliveries.enabled => Self::Disabled,
            None => Self::Ok,
            Some(since) if Self::is_dead(since, now) => Self::Dead,
            Some(_) => Self::Failing,
        }
    }

    /// Whether it has failed for long enough.
    pub(super) fn is_dead(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now - since >= DEAD
    }

    /// As it is shown.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Ok => "ok",
            Self::Failing => "failing",
            Self::Dead => "dead",
        }
    }
}
