//! Events about security.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aggregate::wire_names,
    event::{Effect, StoredEvent},
    ids::UserId,
    occasion::{Kind, Occasion},
};

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A login with a wrong password, for an unknown or for a disabled account.
    Login,
    /// A request that the actor's role does not permit.
    Forbidden,
    /// A request or command that was refused as invalid or in conflict.
    Refused,
    /// A token that is malformed, expired or revoked.
    Token,
    /// A gateway's join that was refused.
    GatewayJoin,
}

/// An event about security.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum SecurityEvent {
    /// A failure, the first of its kind by this account or network for a while.
    #[serde(rename = "security.failure")]
    Failure {
        /// What failed.
        kind: FailureKind,
        /// The account, where it exists. A name that does not exist is never recorded.
        #[serde(default)]
        user_id: Option<UserId>,
        /// The network the request came from, cut to /24 or /48.
        #[serde(default)]
        network: Option<String>,
        /// The error's code.
        code: String,
        /// Method and route pattern.
        #[serde(default)]
        route: Option<String>,
    },
    /// More failures of the same incident.
    #[serde(rename = "security.failures_repeated")]
    FailuresRepeated {
        /// How many since the last record.
        count: u64,
    },
    /// A key that signs bundles from now on.
    #[serde(rename = "security.signing_key_introduced")]
    SigningKeyIntroduced {
        /// Its id.
        key_id: String,
        /// The raw Ed25519 public key in base64.
        public_key: String,
        /// The statement's signature by the key before it, in base64.
        #[serde(default)]
        signed_by_previous: Option<String>,
    },
}

wire_names!(SecurityEvent {
    Failure => "security.failure",
    FailuresRepeated => "security.failures_repeated",
    SigningKeyIntroduced => "security.signing_key_introduced",
});

impl StoredEvent for SecurityEvent {
    const AGGREGATE_TYPE: &'static str = "security";

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
        const FAILURE: &[Kind] = &[Kind::all("security.failure")];
        matches!(self, Self::FailuresRepeated { .. }).then_some(Occasion::latest(FAILURE))
    }
}
