//! What decides about a gateway.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{GatewayChange, GatewayEvent, GatewayFields, GatewayKeys, KeyRotation};
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
    /// Asks its node for another key, or moves the time at which that comes into force.
    RequestKeyRotation {
        /// When it comes into force.
        switch_at: DateTime<Utc>,
    },
    /// Takes the key that its node has made for a rotation; nothing happens where that one is over.
    AnnounceNextKey {
        /// The rotation's number.
        rotation: u32,
        /// The key.
        public_key: PublicKey,
    },
    /// Brings the next key into force at once.
    SwitchKey,
    /// Lets the key in force stay.
    CallOffKeyRotation,
    /// Ends a rotation whose time has come: by the switch, or where its node has announced no key,
    /// without one.
    Tick {
        /// The present.
        now: DateTime<Utc>,
    },
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
    keys: GatewayKeys,
    drain: Option<Drain>,
    /// Whether it ever had a node.
    #[serde(default)]
    joined: bool,
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
        self.keys.in_force()
    }

    /// Its keys.
    #[must_use]
    pub const fn keys(&self) -> &GatewayKeys {
        &self.keys
    }

    /// The next moment at which [`GatewayCommand::Tick`] has something to do.
    #[must_use]
    pub fn next_tick(&self) -> Option<DateTime<Utc>> {
        self.keys.rotation().filter(|_| !self.deleted).map(|rotation| rotation.switch_at)
    }

    /// Its drain, while it lasts.
    #[must_use]
    pub const fn drain(&self) -> Option<Drain> {
        self.drain
    }

    /// See [`Decider::decide`](crate::Decider::decide).
    ///
    /// # Errors
    /// `not_found` for an unknown or deleted gateway, `gateway_key_mismatch` for a first node that
    /// has not the key that the gateway was made with.
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
            (None, GatewayCommand::Tick { .. }) => Ok(vec![]),
            (None, _) => Err(DomainError::not_found("gateway")),
            (Some(fields), GatewayCommand::Change { change, public_key }) => {
                let change = changed(fields, *change);
                let mut events = Vec::new();
                if change != GatewayChange::default() {
                    events.push(GatewayEvent::Changed { change });
                }
                if let Some(key) = self.key_set(public_key) {
                    events.extend(self.called_off());
                    events.push(key);
                }
                Ok(events)
            }
            (Some(_), GatewayCommand::IssueJoinToken { expires_at }) => {
                Ok(vec![GatewayEvent::JoinTokenIssued { expires_at }])
            }
            (Some(_), GatewayCommand::Join { public_key, agent_version }) => {
                // A key that was named before there was a node is one that clients know already.
                // Later a node may be lost, and its key with it.
                if let Some(named) = self.public_key().filter(|k| !self.joined && **k != public_key)
                {
                    return Err(key_mismatch(named));
                }
                // Another node has never heard of the next key.
                let called_off = self.called_off().into_iter();
                let key = self.key_set(Some(public_key));
                let joined = GatewayEvent::Joined { agent_version };
                Ok(called_off.chain(key).chain([joined]).collect())
            }
            (Some(_), GatewayCommand::StartDrain(drain)) => {
                let Drain { target } = drain;
                let other = self.drain != Some(drain);
                Ok(other.then_some(GatewayEvent::DrainStarted { target }).into_iter().collect())
            }
            (Some(_), GatewayCommand::EndDrain) => {
                Ok(self.drain.map(|_| GatewayEvent::DrainEnded {}).into_iter().collect())
            }
            (Some(_), GatewayCommand::RequestKeyRotation { switch_at }) => {
                if self.public_key().is_none() {
                    return Err(no_key_yet());
                }
                let other = self.keys.rotation().is_none_or(|r| r.switch_at != switch_at);
                let requested = GatewayEvent::KeyRotationRequested { switch_at };
                Ok(other.then_some(requested).into_iter().collect())
            }
            (Some(_), GatewayCommand::AnnounceNextKey { rotation, public_key }) => {
                let new = self.keys.rotation().is_some_and(|r| {
                    r.number == rotation && r.next_key.as_ref() != Some(&public_key)
                });
                let new = new && self.public_key() != Some(&public_key);
                let announced = GatewayEvent::NextKeyAnnounced { public_key };
                Ok(new.then_some(announced).into_iter().collect())
            }
            (Some(_), GatewayCommand::SwitchKey) => {
                let rotation = self.keys.rotation();
                let rotation = rotation.ok_or_else(|| DomainError::not_found("key rotation"))?;
                let switched = switched(rotation).ok_or_else(no_next_key)?;
                Ok(vec![switched])
            }
            (Some(_), GatewayCommand::CallOffKeyRotation) => {
                Ok(self.called_off().into_iter().collect())
            }
            (Some(_), GatewayCommand::Tick { now }) => {
                let due = self.keys.rotation().filter(|rotation| rotation.switch_at <= now);
                let end = due.map(|rotation| {
                    switched(rotation).unwrap_or(GatewayEvent::KeyRotationCalledOff {})
                });
                Ok(end.into_iter().collect())
            }
            (Some(_), GatewayCommand::Delete) => Ok(vec![GatewayEvent::Deleted {}]),
        }
    }

    fn key_set(&self, key: Option<PublicKey>) -> Option<GatewayEvent> {
        key.filter(|k| Some(k) != self.public_key())
            .map(|public_key| GatewayEvent::KeySet { public_key })
    }

    fn called_off(&self) -> Option<GatewayEvent> {
        self.keys.rotation().map(|_| GatewayEvent::KeyRotationCalledOff {})
    }

    /// Folds one event.
    pub fn evolve(&mut self, event: &GatewayEvent) {
        self.keys.evolve(event);
        match event {
            GatewayEvent::Created { fields } => self.fields = Some(fields.clone()),
            GatewayEvent::Changed { change } => {
                if let Some(fields) = &mut self.fields {
                    merge(fields, change);
                }
            }
            GatewayEvent::KeySet { .. }
            | GatewayEvent::KeyRotationRequested { .. }
            | GatewayEvent::NextKeyAnnounced { .. }
            | GatewayEvent::KeySwitched { .. }
            | GatewayEvent::KeyRotationCalledOff {}
            | GatewayEvent::JoinTokenIssued { .. } => {}
            GatewayEvent::Joined { .. } => self.joined = true,
            GatewayEvent::DrainStarted { target } => self.drain = Some(Drain { target: *target }),
            GatewayEvent::DrainEnded {} => self.drain = None,
            GatewayEvent::Deleted {} => self.deleted = true,
        }
    }
}

/// The end of a rotation by which its key comes into force; none while there is no key.
fn switched(rotation: &KeyRotation) -> Option<GatewayEvent> {
    let public_key = rotation.next_key.clone()?;
    Some(GatewayEvent::KeySwitched { public_key })
}

fn no_key_yet() -> DomainError {
    DomainError::conflict(
        "gateway_not_ready",
        "the gateway has no WireGuard key yet: let its node join first",
    )
}

fn key_mismatch(named: &PublicKey) -> DomainError {
    let message = format!(
        "this gateway was made for the WireGuard key {named}, and the node has another one: join \
         with its private key (--private-key-file), or change the gateway's public_key to the node's"
    );
    DomainError::conflict_on("public_key", "gateway_key_mismatch", message)
}

fn no_next_key() -> DomainError {
    DomainError::conflict(
        "next_key_missing",
        "the gateway's node has not announced its next key yet: wait until it has reported it",
    )
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
