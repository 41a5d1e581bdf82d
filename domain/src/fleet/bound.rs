//! Whether events could make a profile too large, told without evaluating anything.

use std::{collections::BTreeMap, sync::Arc};

use super::{Fleet, PolicyState};
use crate::{
    access::{self, Extent},
    event::Event,
    gateway::GatewayFields,
    ids::PolicyId,
    policy::Policy,
};

impl Fleet {
    /// Whether a device's profile could come to more boxes than this by these events, at once or
    /// later. `false` is certain; `true` only says that somebody has to look, with
    /// [`Outlook::oversized`](super::Outlook::oversized).
    #[must_use]
    pub fn could_exceed(&self, events: &[Event], limit: usize) -> bool {
        let mut changed: BTreeMap<PolicyId, Policy> = BTreeMap::new();
        for event in events {
            match event {
                Event::Policy(id, event) => {
                    let before = || self.policies.get(id).map(|p| p.policy.clone());
                    let policy = changed.entry(*id).or_insert_with(|| before().unwrap_or_default());
                    policy.evolve(event);
                }
                // The networks that a full tunnel leaves closed, and the resolvers.
                Event::Gateway(..) => return true,
                Event::User(..)
                | Event::Group(..)
                | Event::Device(..)
                | Event::Session(..)
                | Event::Security(..)
                | Event::Webhook(..) => {}
            }
        }
        let stays = |id: &PolicyId| !changed.contains_key(id);
        let in_force = self.policies.iter().filter(|(id, p)| p.policy.in_force() && stays(id));
        let mut rules: Vec<_> = in_force.map(|(_, policy)| Arc::clone(&policy.rule)).collect();
        let changed = changed.into_iter();
        rules
            .extend(changed.filter_map(|(id, policy)| Some(PolicyState::new(id, policy, 0)?.rule)));
        let public: usize = self.public_pools.values().map(Vec::len).sum();
        let extents = self.gateways.values().map(|gateway| {
            let GatewayFields { dns_servers, internal_networks, pool, .. } = &gateway.fields;
            let closed = internal_networks.len() + pool.networks().count() + public;
            Extent { dns_servers: dns_servers.len(), closed }
        });
        let extent = extents.fold(Extent::default(), Extent::or);
        access::most_boxes(rules.iter().map(Arc::as_ref), extent) > limit
    }
}
