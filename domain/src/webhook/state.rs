//! What decides about a webhook.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{DisabledBecause, WebhookEvent};
use crate::error::DomainError;

/// A command to a webhook. All values have been validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookCommand {
    /// Makes it.
    Create {
        /// Where to.
        url: String,
        /// What it is for.
        description: String,
        /// Which events; all where there is none.
        event_types: Vec<String>,
    },
    /// Changes what is given and leaves the rest.
    Change {
        /// Another address.
        url: Option<String>,
        /// Another description.
        description: Option<String>,
        /// Exactly these types.
        event_types: Option<Vec<String>>,
    },
    /// Lets another secret sign.
    RotateSecret {
        /// Until when the one before signs as well.
        previous_until: DateTime<Utc>,
    },
    /// Sends again.
    Enable,
    /// Sends nothing any more.
    Disable(DisabledBecause),
    /// Sends from another number on.
    Replay {
        /// The first one.
        from: u64,
    },
    /// Removes it.
    Delete,
}

/// A webhook's state as folded from the events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Webhook {
    created: bool,
    deleted: bool,
    enabled: bool,
    url: String,
    description: String,
    event_types: Vec<String>,
}

impl Webhook {
    /// Whether it exists and was not deleted.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.created && !self.deleted
    }

    /// Whether events are sent.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.exists() && self.enabled
    }

    /// Where to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which events: types, or what stands before a `*`; all where there is none.
    #[must_use]
    pub fn event_types(&self) -> &[String] {
        &self.event_types
    }

    /// See [`Decider::decide`](crate::Decider::decide).
    ///
    /// # Errors
    /// `not_found` for an unknown or deleted webhook.
    pub fn decide(&self, command: WebhookCommand) -> Result<Vec<WebhookEvent>, DomainError> {
        if let WebhookCommand::Create { url, description, event_types } = command {
            if self.created {
                return Err(DomainError::conflict("webhook_exists", "the webhook exists already"));
            }
            return Ok(vec![WebhookEvent::Created { url, description, event_types }]);
        }
        if !self.exists() {
            return Err(DomainError::not_found("webhook"));
        }
        Ok(match command {
            WebhookCommand::Create { .. } => vec![],
            WebhookCommand::Change { url, description, event_types } => {
                let url = url.filter(|u| *u != self.url);
                let description = description.filter(|d| *d != self.description);
                let event_types = event_types.filter(|t| *t != self.event_types);
                if url.is_none() && description.is_none() && event_types.is_none() {
                    return Ok(vec![]);
                }
                vec![WebhookEvent::Changed { url, description, event_types }]
            }
            WebhookCommand::RotateSecret { previous_until } => {
                vec![WebhookEvent::SecretRotated { previous_until }]
            }
            WebhookCommand::Enable if self.enabled => vec![],
            WebhookCommand::Enable => vec![WebhookEvent::Enabled {}],
            WebhookCommand::Disable(_) if !self.enabled => vec![],
            WebhookCommand::Disable(because) => vec![WebhookEvent::Disabled { because }],
            WebhookCommand::Replay { from } => vec![WebhookEvent::Replayed { from }],
            WebhookCommand::Delete => vec![WebhookEvent::Deleted {}],
        })
    }

    pub(super) fn evolve(&mut self, event: &WebhookEvent) {
        match event {
            WebhookEvent::Created { url, description, event_types } => {
                self.created = true;
                self.enabled = true;
                self.url.clone_from(url);
                self.description.clone_from(description);
                self.event_types.clone_from(event_types);
            }
            WebhookEvent::Changed { url, description, event_types } => {
                for (present, new) in [(&mut self.url, url), (&mut self.description, description)] {
                    if let Some(new) = new {
                        present.clone_from(new);
                    }
                }
                if let Some(event_types) = event_types {
                    self.event_types.clone_from(event_types);
                }
            }
            WebhookEvent::Enabled {} => self.enabled = true,
            WebhookEvent::Disabled { .. } => self.enabled = false,
            WebhookEvent::Deleted {} => self.deleted = true,
            // The secret and the place in the log are kept beside the events.
            WebhookEvent::SecretRotated { .. } | WebhookEvent::Replayed { .. } => {}
        }
    }
}
