//! Why a bundle is refused.

use thiserror::Error;

/// A bundle that a node must not apply. [`BundleError::reason_code`] is stable
/// and travels in status reports; the text is for people.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BundleError {
    /// Not the JSON that a bundle is made of.
    #[error("the bundle is malformed: {0}")]
    Malformed(String),
    /// The hash in the envelope is not that of the payload's bytes.
    #[error("the payload does not have the hash that the envelope states")]
    BadHash,
    /// Signed by a key that this node does not trust.
    #[error("the bundle is signed by key {0}, which is not trusted here")]
    UnknownKey(String),
    /// The signature does not fit the payload's bytes.
    #[error("the signature does not fit the payload")]
    BadSignature,
    /// Correctly signed bytes that are not in canonical form.
    #[error("the payload is not in canonical form")]
    NotCanonical,
    /// A payload format that this build does not know.
    #[error("payload format {0} is not supported")]
    UnsupportedFormat(u32),
    /// A well-formed payload that breaks one of the payload's rules.
    #[error("the payload is invalid: {0}")]
    Invalid(String),
    /// A bundle for another gateway.
    #[error("the bundle is for gateway {0}")]
    WrongGateway(String),
    /// Names a key of the gateway whose private half this node does not have.
    #[error("the gateway's key {0} is none of this node's keys")]
    UnknownGatewayKey(String),
    /// Older than what this node holds.
    #[error("revision {epoch}.{revision} is older than {held_epoch}.{held_revision}")]
    RolledBack {
        /// The refused bundle's epoch.
        epoch: i64,
        /// The refused bundle's revision.
        revision: i64,
        /// The epoch held here.
        held_epoch: i64,
        /// The revision held here.
        held_revision: i64,
    },
    /// A delta from something else than this node holds.
    #[error("the delta begins at revision {epoch}.{revision}, which is not what is held here")]
    OtherBase {
        /// The epoch that the delta begins at.
        epoch: i64,
        /// The revision that the delta begins at.
        revision: i64,
    },
    /// Another content under the epoch and revision that this node holds.
    #[error("revision {epoch}.{revision} is held here with another content")]
    Conflict {
        /// The epoch of both bundles.
        epoch: i64,
        /// The revision of both bundles.
        revision: i64,
    },
}

impl BundleError {
    /// The stable code of this refusal.
    #[must_use]
    pub fn reason_code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::BadHash => "bad_hash",
            Self::UnknownKey(_) => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::NotCanonical => "not_canonical",
            Self::UnsupportedFormat(_) => "unsupported_format",
            Self::Invalid(_) => "invalid",
            Self::WrongGateway(_) => "wrong_gateway",
            Self::UnknownGatewayKey(_) => "unknown_gateway_key",
            Self::RolledBack { .. } => "rolled_back",
            Self::OtherBase { .. } => "other_base",
            Self::Conflict { .. } => "conflict",
        }
    }
}
