//! The WireGuard keys of a gateway: the one in force, and the one that a planned rotation leads to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::GatewayEvent;
use crate::values::PublicKey;

/// A gateway's keys as folded from its events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayKeys {
    in_force: Option<PublicKey>,
    named: bool,
    switched: bool,
    rotations: u32,
    rotation: Option<KeyRotation>,
}

/// A planned rotation that has not come to its switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRotation {
    /// Its number among those of this gateway, from 1: the node makes one key for each.
    pub number: u32,
    /// When the next key comes into force.
    pub switch_at: DateTime<Utc>,
    /// The next key, once the node has announced it.
    pub next_key: Option<PublicKey>,
}

impl GatewayKeys {
    /// The key in force, once there is one.
    #[must_use]
    pub const fn in_force(&self) -> Option<&PublicKey> {
        self.in_force.as_ref()
    }

    /// The key in force where the bundle names it, so that the node knows which of its keys to
    /// use: from the first rotation on that was asked of this node. A node that has just joined,
    /// or whose key was set by hand, has one key only.
    #[must_use]
    pub fn named(&self) -> Option<&PublicKey> {
        self.in_force.as_ref().filter(|_| self.named)
    }

    /// Whether the key in force came by a planned rotation.
    #[must_use]
    pub const fn switched(&self) -> bool {
        self.switched
    }

    /// The rotation that is under way.
    #[must_use]
    pub const fn rotation(&self) -> Option<&KeyRotation> {
        self.rotation.as_ref()
    }

    /// Folds one event; all but those about keys change nothing.
    pub(crate) fn evolve(&mut self, event: &GatewayEvent) {
        match event {
            GatewayEvent::KeySet { public_key } => {
                self.in_force = Some(public_key.clone());
                self.forget_rotations();
            }
            GatewayEvent::Joined { .. } => self.forget_rotations(),
            GatewayEvent::KeyRotationRequested { switch_at } => match &mut self.rotation {
                Some(rotation) => rotation.switch_at = *switch_at,
                None => {
                    self.named = true;
                    self.rotations += 1;
                    let (number, switch_at) = (self.rotations, *switch_at);
                    self.rotation = Some(KeyRotation { number, switch_at, next_key: None });
                }
            },
            GatewayEvent::NextKeyAnnounced { public_key } => {
                if let Some(rotation) = &mut self.rotation {
                    rotation.next_key = Some(public_key.clone());
                }
            }
            GatewayEvent::KeySwitched { public_key } => {
                self.in_force = Some(public_key.clone());
                self.rotation = None;
                self.switched = true;
            }
            GatewayEvent::KeyRotationCalledOff {} => self.rotation = None,
            GatewayEvent::Created { .. }
            | GatewayEvent::Changed { .. }
            | GatewayEvent::JoinTokenIssued { .. }
            | GatewayEvent::DrainStarted { .. }
            | GatewayEvent::DrainEnded {}
            | GatewayEvent::Deleted {} => {}
        }
    }

    /// The node has one key, and that one is in force.
    fn forget_rotations(&mut self) {
        self.named = false;
        self.switched = false;
        self.rotation = None;
    }
}
