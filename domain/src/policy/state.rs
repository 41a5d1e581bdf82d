//! What decides about a policy.

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

use super::{PolicyEvent, PolicyFields, Validity};
use crate::{
    error::{DomainError, Problems},
    patch::{difference, set},
    values::{PolicyEffect, Service, Target},
};

/// The fields to change; the rest stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are those of PolicyFields")]
pub struct PolicyChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub priority: Option<u32>,
    pub effect: Option<PolicyEffect>,
    pub full_tunnel: Option<bool>,
    pub destinations: Option<Vec<IpNetwork>>,
    pub targets: Option<Vec<Target>>,
    pub services: Option<Vec<Service>>,
    pub enabled: Option<bool>,
    pub valid_from: Option<Option<DateTime<Utc>>>,
    pub valid_until: Option<Option<DateTime<Utc>>>,
}

/// All of these.
impl From<PolicyFields> for PolicyChange {
    fn from(fields: PolicyFields) -> Self {
        Self {
            name: Some(fields.name),
            description: Some(fields.description),
            priority: Some(fields.priority),
            effect: Some(fields.effect),
            full_tunnel: Some(fields.full_tunnel),
            destinations: Some(fields.destinations),
            targets: Some(fields.targets),
            services: Some(fields.services),
            enabled: Some(fields.enabled),
            valid_from: Some(fields.valid_from),
            valid_until: Some(fields.valid_until),
        }
    }
}

/// A command to a policy. Single values have been validated; how they fit together is checked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyCommand {
    /// Makes the policy.
    Create {
        /// All of it.
        fields: Box<PolicyFields>,
        /// The present, for validity that has begun already.
        now: DateTime<Utc>,
    },
    /// Changes what is given.
    Change {
        /// What to change.
        change: Box<PolicyChange>,
        /// The present, for validity that has begun already.
        now: DateTime<Utc>,
    },
    /// Activates or expires the policy if that is due.
    Tick {
        /// The present.
        now: DateTime<Utc>,
    },
    /// Removes the policy.
    Delete,
    /// Makes it what it was, also where it was deleted.
    Restore {
        /// All of what it was.
        fields: Box<PolicyFields>,
        /// The present, for validity that has begun or ended since.
        now: DateTime<Utc>,
    },
}

/// A policy's state as folded from the events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    fields: Option<PolicyFields>,
    activated: bool,
    expired: bool,
    deleted: bool,
}

impl Policy {
    /// The fields, unless the policy is unknown or deleted.
    #[must_use]
    pub fn fields(&self) -> Option<&PolicyFields> {
        self.fields.as_ref().filter(|_| !self.deleted)
    }

    /// Whether it counts: enabled, activated and not expired.
    #[must_use]
    pub fn in_force(&self) -> bool {
        self.fields().is_some_and(|f| f.enabled && self.activated && !self.expired)
    }

    /// Whether its validity has begun.
    #[must_use]
    pub const fn is_activated(&self) -> bool {
        self.activated
    }

    /// Whether its validity is over.
    #[must_use]
    pub const fn is_expired(&self) -> bool {
        self.expired
    }

    /// See [`Decider::decide`](crate::Decider::decide).
    ///
    /// # Errors
    /// `not_found` for an unknown policy, `validation_error` where fields do not fit together.
    pub fn decide(&self, command: PolicyCommand) -> Result<Vec<PolicyEvent>, DomainError> {
        match (self.fields(), command) {
            (_, PolicyCommand::Create { fields, now }) => {
                if self.fields.is_some() {
                    return Err(DomainError::conflict(
                        "policy_exists",
                        "the policy exists already",
                    ));
                }
                fits(&fields)?;
                Ok(self.with_ticks(PolicyEvent::Created { fields: *fields }, now))
            }
            (None, PolicyCommand::Restore { fields, now }) if self.deleted => {
                fits(&fields)?;
                Ok(self.with_ticks(PolicyEvent::Restored { fields: *fields }, now))
            }
            (None, _) => Err(DomainError::not_found("policy")),
            (Some(_), PolicyCommand::Restore { fields, now }) => {
                let change = Box::new((*fields).into());
                self.decide(PolicyCommand::Change { change, now })
            }
            (Some(fields), PolicyCommand::Change { change, now }) => {
                let Some(event) = changed(fields, *change) else {
                    return Ok(vec![]);
                };
                let mut after = self.clone();
                after.evolve(&event);
                if let Some(fields) = after.fields() {
                    fits(fields)?;
                }
                Ok(self.with_ticks(event, now))
            }
            (Some(_), PolicyCommand::Tick { now }) => Ok(self.ticks(now)),
            (Some(_), PolicyCommand::Delete) => Ok(vec![PolicyEvent::Deleted {}]),
        }
    }

    /// The event, and what is due by then at once.
    fn with_ticks(&self, event: PolicyEvent, now: DateTime<Utc>) -> Vec<PolicyEvent> {
        let mut after = self.clone();
        after.evolve(&event);
        let mut events = vec![event];
        events.extend(after.ticks(now));
        events
    }

    fn ticks(&self, now: DateTime<Utc>) -> Vec<PolicyEvent> {
        let Some(fields) = self.fields() else {
            return vec![];
        };
        let mut events = Vec::new();
        if !self.activated && fields.valid_from.is_none_or(|t| t <= now) {
            events.push(PolicyEvent::Activated {});
        }
        if !self.expired && fields.valid_until.is_some_and(|t| t <= now) {
            events.push(PolicyEvent::Expired {});
        }
        events
    }

    /// The next moment at which [`PolicyCommand::Tick`] has something to do.
    #[must_use]
    pub fn next_tick(&self) -> Option<DateTime<Utc>> {
        let fields = self.fields()?;
        let from = fields.valid_from.filter(|_| !self.activated);
        let until = fields.valid_until.filter(|_| !self.expired);
        from.into_iter().chain(until).min()
    }

    /// Folds one event.
    pub fn evolve(&mut self, event: &PolicyEvent) {
        match event {
            PolicyEvent::Created { fields } | PolicyEvent::Restored { fields } => {
                self.activated = fields.valid_from.is_none();
                self.expired = false;
                self.deleted = false;
                self.fields = Some(fields.clone());
            }
            PolicyEvent::Changed { validity, .. } => {
                if let Some(v) = validity {
                    self.activated = v.from.is_none();
                    self.expired = false;
                }
                if let Some(fields) = &mut self.fields {
                    merge(fields, event);
                }
            }
            PolicyEvent::Activated {} => self.activated = true,
            PolicyEvent::Expired {} => self.expired = true,
            PolicyEvent::Deleted {} => self.deleted = true,
        }
    }
}

fn merge(fields: &mut PolicyFields, event: &PolicyEvent) {
    let PolicyEvent::Changed {
        name,
        description,
        priority,
        effect,
        full_tunnel,
        destinations,
        targets,
        services,
        enabled,
        validity,
    } = event
    else {
        return;
    };
    set(&mut fields.name, name.as_ref());
    set(&mut fields.description, description.as_ref());
    set(&mut fields.priority, priority.as_ref());
    set(&mut fields.effect, effect.as_ref());
    set(&mut fields.full_tunnel, full_tunnel.as_ref());
    set(&mut fields.destinations, destinations.as_ref());
    set(&mut fields.targets, targets.as_ref());
    set(&mut fields.services, services.as_ref());
    set(&mut fields.enabled, enabled.as_ref());
    if let Some(v) = validity {
        fields.valid_from = v.from;
        fields.valid_until = v.until;
    }
}

/// The event that turns the fields into the changed ones; `None` where nothing changes.
fn changed(now: &PolicyFields, change: PolicyChange) -> Option<PolicyEvent> {
    let validity = Validity {
        from: change.valid_from.unwrap_or(now.valid_from),
        until: change.valid_until.unwrap_or(now.valid_until),
    };
    let present = Validity { from: now.valid_from, until: now.valid_until };
    let event = PolicyEvent::Changed {
        name: difference(&now.name, change.name),
        description: difference(&now.description, change.description),
        priority: difference(&now.priority, change.priority),
        effect: difference(&now.effect, change.effect),
        full_tunnel: difference(&now.full_tunnel, change.full_tunnel),
        destinations: difference(&now.destinations, change.destinations),
        targets: difference(&now.targets, change.targets),
        services: difference(&now.services, change.services),
        enabled: difference(&now.enabled, change.enabled),
        validity: difference(&present, Some(validity)),
    };
    let nothing = PolicyEvent::Changed {
        name: None,
        description: None,
        priority: None,
        effect: None,
        full_tunnel: None,
        destinations: None,
        targets: None,
        services: None,
        enabled: None,
        validity: None,
    };
    (event != nothing).then_some(event)
}

/// Rules between fields.
fn fits(fields: &PolicyFields) -> Result<(), DomainError> {
    let mut problems = Problems::default();
    if fields.full_tunnel && fields.effect == PolicyEffect::Deny {
        problems.add("full_tunnel", "only an allow policy can be a full tunnel");
    }
    if let (Some(from), Some(until)) = (fields.valid_from, fields.valid_until)
        && from >= until
    {
        problems.add("valid_until", "must be later than valid_from");
    }
    problems.finish()
}
