//! A device as the answers see it, taken out of the fleet so that its lock is not held meanwhile.

use std::sync::Arc;

use nexavpn_domain::{
    access::{DecidedBy, Packet},
    fleet::{Compiled, DeviceState, DeviceStatus, Fleet},
    ids::{DeviceId, GatewayId, PolicyId, UserId},
    values::PolicyEffect,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::question::Whose;
use crate::error::ApiError;

/// A device and what it reaches.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) id: DeviceId,
    pub(super) owner: UserId,
    pub(super) gateway_id: GatewayId,
    pub(super) status: DeviceStatus,
    /// None while it is no peer.
    pub(super) compiled: Option<Arc<Compiled>>,
}

/// The policy that decided.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PolicySummary {
    pub(super) id: PolicyId,
    pub(super) name: String,
    pub(super) priority: u32,
    pub(super) effect: PolicyEffect,
}

/// What happens to a packet, and what decides.
pub(super) struct Verdict {
    pub(super) allowed: bool,
    /// As answers name it.
    pub(super) decided_by: String,
    pub(super) policy: Option<PolicySummary>,
}

impl Subject {
    pub(super) fn new(id: DeviceId, device: &DeviceState) -> Self {
        Self {
            id,
            owner: device.owner,
            gateway_id: device.gateway_id,
            status: device.status(),
            compiled: device.peer().map(|peer| Arc::clone(&peer.compiled)),
        }
    }

    /// The device, or all of the user's that are not revoked; 404 where there is none such.
    pub(super) fn all_of(fleet: &Fleet, whose: Whose) -> Result<Vec<Self>, ApiError> {
        match whose {
            Whose::Device(id) => {
                let device = fleet.device(id).ok_or_else(|| ApiError::not_found("device"))?;
                Ok(vec![Self::new(id, device)])
            }
            Whose::User(id) => {
                fleet.user(id).ok_or_else(|| ApiError::not_found("user"))?;
                Ok(fleet.devices_of_user(id).map(|(id, device)| Self::new(id, device)).collect())
            }
        }
    }

    /// All devices that are peers, by id.
    pub(super) fn all_peers(fleet: &Fleet) -> Vec<Self> {
        let peers = fleet.devices().filter(|(_, device)| device.peer().is_some());
        peers.map(|(id, device)| Self::new(id, device)).collect()
    }

    /// What happens to a packet from it.
    pub(super) fn verdict(&self, packet: &Packet) -> Verdict {
        let Some(compiled) = &self.compiled else {
            return Verdict { allowed: false, decided_by: "no_peer".to_owned(), policy: None };
        };
        let decision = compiled.access().decide(packet);
        let (decided_by, policy) = match decision.by {
            DecidedBy::Policy(id) => ("policy".to_owned(), self.policy(id)),
            by => (by.to_string(), None),
        };
        Verdict { allowed: decision.allowed, decided_by, policy }
    }

    /// A policy among those that are asked about it.
    pub(super) fn policy(&self, id: PolicyId) -> Option<PolicySummary> {
        let rules = self.compiled.as_ref()?.access().rules();
        let rule = rules.iter().find(|rule| rule.id == id)?;
        let name = rule.name.clone();
        Some(PolicySummary { id, name, priority: rule.priority, effect: rule.effect })
    }
}
