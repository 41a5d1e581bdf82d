//! What decides about security records.

use serde::{Deserialize, Serialize};

use super::{FailureKind, SecurityEvent};
use crate::{error::DomainError, ids::UserId};

/// A command about security.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecurityCommand {
    /// Opens an incident.
    RecordFailure {
        /// What failed.
        kind: FailureKind,
        /// The account, where it exists.
        user_id: Option<UserId>,
        /// The network the request came from.
        network: Option<String>,
        /// The error's code.
        code: String,
        /// Method and route pattern.
        route: Option<String>,
    },
    /// Counts further failures of an incident.
    CountFailures(u64),
    /// Makes a key the one that signs bundles.
    IntroduceSigningKey {
        /// Its id.
        key_id: String,
        /// The raw public key in base64.
        public_key: String,
        /// The id of the key before it.
        previous: Option<String>,
        /// The statement's signature by that key.
        signed_by_previous: Option<String>,
    },
}

/// The state of an incident or of the signing keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Security {
    failures: u64,
    signing_key: Option<String>,
}

impl Security {
    /// The id of the key that signs bundles.
    #[must_use]
    pub fn signing_key(&self) -> Option<&str> {
        self.signing_key.as_deref()
    }

    /// See [`Decider::decide`](crate::Decider::decide).
    ///
    /// # Errors
    /// A later signing key must be signed (409 `unsigned_key`) by the one before it (409
    /// `another_key`).
    pub fn decide(&self, command: SecurityCommand) -> Result<Vec<SecurityEvent>, DomainError> {
        Ok(match command {
            SecurityCommand::RecordFailure { kind, user_id, network, code, route } => {
                vec![SecurityEvent::Failure { kind, user_id, network, code, route }]
            }
            SecurityCommand::CountFailures(0) => vec![],
            SecurityCommand::CountFailures(count) => {
                vec![SecurityEvent::FailuresRepeated { count }]
            }
            SecurityCommand::IntroduceSigningKey {
                key_id,
                public_key,
                previous,
                signed_by_previous,
            } => {
                if self.signing_key.as_ref() == Some(&key_id) {
                    return Ok(vec![]);
                }
                if self.signing_key.is_some() && signed_by_previous.is_none() {
                    return Err(DomainError::conflict(
                        "unsigned_key",
                        "a new signing key must be signed with the one before it",
                    ));
                }
                if self.signing_key != previous {
                    return Err(DomainError::conflict(
                        "another_key",
                        "another key signs bundles by now: make the next one again",
                    ));
                }
                vec![SecurityEvent::SigningKeyIntroduced { key_id, public_key, signed_by_previous }]
            }
        })
    }

    pub(super) fn evolve(&mut self, event: &SecurityEvent) {
        match event {
            SecurityEvent::Failure { .. } => self.failures = self.failures.saturating_add(1),
            SecurityEvent::FailuresRepeated { count } => {
                self.failures = self.failures.saturating_add(*count);
            }
            SecurityEvent::SigningKeyIntroduced { key_id, .. } => {
                self.signing_key = Some(key_id.clone());
            }
        }
    }
}
