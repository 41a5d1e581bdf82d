//! What decides about a gateway.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{GatewayChange, GatewayEvent, GatewayFields};
use crate::{
    error::DomainError,
    ids::GatewayId,
    patch::{difference, set},
    values::PublicKey,
};

/// A command to a gateway. All values have been validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayCommand {
    /// Makes the gateway.
    Create {
        /// All of it.
        fields: Box<GatewayFields>,
        /// Its key, where it is known already.
        public_key: Option<PublicKey>,
    },
    /// Changes what is given.
    Change {
        /// What to change.
        change: Box<GatewayChange>,
        /// Another key.
        public_key: Option<PublicKey>,
    },
    /// Notes that a join token was made.
    IssueJoinToken {
        /// Until when it works.
        expires_at: DateTime<Utc>,
    },
    /// Makes a node this gateway.
    Join {
        /// The node's key.
        public_key: PublicKey,
        /// The version of its agent.
        agent_version: String,
    },
    /// Has its devices moved elsewhere.
    StartDrain(Drain),
    /// Lets it have devices again.
    EndDrain,
    /// Removes the gateway.
    Delete,
}

/// That a gateway's devices are moved elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Where they go; each to the gateway with the fewest devices where none is named.
    pub target: Option<GatewayId>,
}

/// A gateway's state as folded from the events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gateway {
    fields: Option<GatewayFields>,
    public_key: Option<PublicKey>,
    drain: Option<Drain>,
    deleted: bool,
}

impl Gateway {
    /// The fields, unless the gateway is unknown or deleted.
    #[must_use]
    pub fn fields(&self) -> Option<&GatewayFields> {
        self.fields.as_ref().filter(|_| !self.deleted)
    }

    /// The WireGuard key, once it has one.
    #[must_use]
    pub const fn public_key(&self) -> Option<&PublicKey> {
        self.public_key.as_ref()
    }

    /// Its drain, while it lasts.
    #[must_use]
    pub const fn drain(&self) -> Option<Drain> {
        self.drain
    }

    /// See [`Decider::decide`](crate::Decider::decide).
    ///
    /// # Errors
    /// `not_found` for an unknown or deleted gateway.
    pub fn decide(&self, command: GatewayCommand) -> Result<Vec<GatewayEvent>, DomainError> {
        match (self.fields(), command) {
            (_, GatewayCommand::Create { fields, public_key }) => {
                if self.fields.is_some() {
                    let message = "the gateway exists already";
                    return Err(DomainError::conflict("gateway_exists", message));
                }
                let key = public_key.map(|public_key| GatewayEvent::KeySet { public_key });
                Ok(std::iter::once(GatewayEvent::Created { fields: *fields }).chain(key).collect())
            }
            (None, _) => Err(DomainError::not_found("gateway")),
            (Some(fields), GatewayCommand::Change { change, public_key }) => {
                let change = changed(fields, *change);
                let mut events = Vec::new();
                if change != GatewayChange::default() {
                    events.push(GatewayEvent::Changed { change });
                }
                events.extend(self.key_set(public_key));
                Ok(events)
            }
            (Some(_), GatewayCommand::IssueJoinToken { expires_at }) => {
                Ok(vec![GatewayEvent::JoinTokenIssued { expires_at }])
            }
            (Some(_), GatewayCommand::Join { public_key, agent_version }) => {
                let key = self.key_set(Some(public_key));
                Ok(key.into_iter().chain([GatewayEvent::Joined { agent_version }]).collect())
            }
            (Some(_), GatewayCommand::StartDrain(drain)) => {
                let Drain { target } = drain;
                let other = self.drain != Some(drain);
                Ok(other.then_some(GatewayEvent::DrainStarted { target }).into_iter().collect())
            }
            (Some(_), GatewayCommand::EndDrain) => {
                Ok(self.drain.map(|_| GatewayEvent::DrainEnded {}).into_iter().collect())
            }
            (Some(_), GatewayCommand::Delete) => Ok(vec![GatewayEvent::Deleted {}]),
        }
    }

    fn key_set(&self, key: Option<PublicKey>) -> Option<GatewayEvent> {
        key.filter(|k| Some(k) != self.public_key.as_ref())
            .map(|public_key| GatewayEvent::KeySet { public_key })
    }

    /// Folds one event.
    pub fn evolve(&mut self, event: &GatewayEvent) {
        match event {
            GatewayEvent::Created { fields } => self.fields = Some(fields.clone()),
            GatewayEvent::Changed { change } => {
                if let Some(fields) = &mut self.fields {
                    merge(fields, change);
                }
            }
            GatewayEvent::KeySet { public_key } => self.public_key = Some(public_key.clone()),
            GatewayEvent::JoinTokenIssued { .. } | GatewayEvent::Joined { .. } => {}
            GatewayEvent::DrainStarted { target } => self.drain = Some(Drain { target: *target }),
            GatewayEvent::DrainEnded {} => self.drain = None,
            GatewayEvent::Deleted {} => self.deleted = true,
        }
    }
}

fn merge(fields: &mut GatewayFields, change: &GatewayChange) {
    set(&mut fields.name, change.name.as_ref());
    set(&mut fields.endpoint, change.endpoint.as_ref());
    set(&mut fields.listen_port, change.listen_port.as_ref());
    set(&mut fields.dns_servers, change.dns_servers.as_ref());
    set(&mut fields.dns_search, change.dns_search.as_ref());
    set(&mut fields.mtu, change.mtu.as_ref());
    set(&mut fields.persistent_keepalive, change.persistent_keepalive.as_ref());
    set(&mut fields.masquerade_interfaces, change.masquerade_interfaces.as_ref());
    set(&mut fields.internal_networks, change.internal_networks.as_ref());
    set(&mut fields.preshared_keys, change.preshared_keys.as_ref());
    set(&mut fields.max_stale_s, change.max_stale_s.as_ref());
}

/// Only what really changes.
fn changed(now: &GatewayFields, wish: GatewayChange) -> GatewayChange {
    GatewayChange {
        name: difference(&now.name, wish.name),
        endpoint: difference(&now.endpoint, wish.endpoint),
        listen_port: difference(&now.listen_port, wish.listen_port),
        dns_servers: difference(&now.dns_servers, wish.dns_servers),
        dns_search: difference(&now.dns_search, wish.dns_search),
        mtu: difference(&now.mtu, wish.mtu),
        persistent_keepalive: difference(&now.persistent_keepalive, wish.persistent_keepalive),
        masquerade_interfaces: difference(&now.masquerade_interfaces, wish.masquerade_interfaces),
        internal_networks: difference(&now.internal_networks, wish.internal_networks),
        preshared_keys: difference(&now.preshared_keys, wish.preshared_keys),
        max_stale_s: difference(&now.max_stale_s, wish.max_stale_s),
    }
}
