//! Who did it, from where, and as part of what.

use std::{collections::HashMap, net::IpAddr};

use nexavpn_domain::ids::{GatewayId, UserId};
use uuid::Uuid;

/// Who caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A person.
    User(UserId),
    /// A gateway's agent.
    Gateway(GatewayId),
    /// A part of the control plane, by name.
    System(&'static str),
    /// Somebody who has not signed in.
    Anonymous,
}

/// The metadata of every event of an append.
#[derive(Clone)]
pub struct Metadata {
    /// Who.
    pub actor: Actor,
    /// The request that carried the command.
    pub request_id: Uuid,
    /// What the request is part of.
    pub correlation_id: Uuid,
    /// Personal where the actor is a person; not kept for the anonymous.
    pub client_address: Option<IpAddr>,
    /// Personal where the actor is a person; not kept for the anonymous.
    pub user_agent: Option<String>,
    /// How the actor signed in.
    pub auth_method: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
}

/// Without addresses, agents and reasons, which may be personal.
impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metadata")
            .field("actor", &self.actor)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl Metadata {
    /// Metadata of a command that the control plane gives itself.
    #[must_use]
    pub const fn system(name: &'static str, request_id: Uuid) -> Self {
        Self {
            actor: Actor::System(name),
            request_id,
            correlation_id: request_id,
            client_address: None,
            user_agent: None,
            auth_method: None,
            reason: None,
        }
    }

    /// The person who acts.
    pub(crate) const fn person(&self) -> Option<UserId> {
        match self.actor {
            Actor::User(id) => Some(id),
            Actor::Gateway(_) | Actor::System(_) | Actor::Anonymous => None,
        }
    }

    /// What is stored as it is.
    pub(crate) fn open_fields(&self) -> HashMap<&'static str, String> {
        let mut map = HashMap::from([
            ("request_id", self.request_id.to_string()),
            ("correlation_id", self.correlation_id.to_string()),
        ]);
        let (kind, id) = match self.actor {
            Actor::User(id) => ("user", Some(id.to_string())),
            Actor::Gateway(id) => ("gateway", Some(id.to_string())),
            Actor::System(name) => ("system", Some(name.to_owned())),
            Actor::Anonymous => ("anonymous", None),
        };
        map.insert("actor_type", kind.to_owned());
        map.extend(id.map(|id| ("actor_id", id)));
        map.extend(self.auth_method.clone().map(|m| ("auth_method", m)));
        map
    }

    /// What is personal data of an actor who is a person.
    pub(crate) fn actor_fields(&self) -> Vec<(&'static str, String)> {
        if self.actor == Actor::Anonymous {
            return vec![];
        }
        let address = self.client_address.map(|a| ("client_address", a.to_string()));
        let agent = self.user_agent.clone().map(|a| ("user_agent", a));
        address.into_iter().chain(agent).collect()
    }
}

/// The metadata fields that may be sealed.
pub(crate) const SEALABLE: [&str; 3] = ["client_address", "user_agent", "reason"];
