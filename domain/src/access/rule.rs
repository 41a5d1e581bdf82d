//! What the evaluator is given.

use std::net::{IpAddr, Ipv4Addr};

use ipnetwork::IpNetwork;

use crate::{
    gateway::GatewayFields,
    ids::PolicyId,
    policy::PolicyFields,
    values::{Addresses, PolicyEffect, Service},
};

/// One policy in force, as the evaluator needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which policy.
    pub id: PolicyId,
    /// Its name, the label of the resources that it opens.
    pub name: String,
    /// Its place in the order; the lowest number comes first.
    pub priority: u32,
    /// Allow or deny.
    pub effect: PolicyEffect,
    /// Whether it opens the public internet too; without meaning where it denies.
    pub full_tunnel: bool,
    /// Which destinations it is about; none of a family means nothing of that family.
    pub destinations: Vec<IpNetwork>,
    /// Which protocols and ports; empty means all.
    pub services: Vec<Service>,
    /// `idx` of its creation: the older (smaller) comes first.
    pub age: u64,
}

impl Rule {
    /// A policy as the evaluator takes it.
    #[must_use]
    pub fn of(id: PolicyId, fields: &PolicyFields, age: u64) -> Self {
        Self {
            id,
            name: fields.name.clone(),
            priority: fields.priority,
            effect: fields.effect,
            full_tunnel: fields.full_tunnel,
            destinations: fields.destinations.clone(),
            services: fields.services.clone(),
            age,
        }
    }

    /// What orders rules: priority, deny before allow, age. The id only keeps the order total.
    pub(crate) fn order(&self) -> (u32, bool, u64, PolicyId) {
        (self.priority, self.effect == PolicyEffect::Allow, self.age, self.id)
    }

    pub(super) fn allows(&self) -> bool {
        self.effect == PolicyEffect::Allow
    }

    /// A deny policy cannot be a full tunnel; should one say so, it denies what it lists.
    pub(super) fn opens_internet(&self) -> bool {
        self.full_tunnel && self.allows()
    }
}

/// What of its gateway matters to a device's access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The resolvers that every device may ask (`built-in:dns`).
    pub dns_servers: Vec<IpAddr>,
    /// The gateway's own tunnel addresses, reachable by built-ins only.
    pub gateway_addresses: Addresses,
    /// Whether devices have IPv6 addresses; otherwise they reach nothing over IPv6.
    pub has_v6: bool,
    /// Networks that a full tunnel does not open, unless a policy lists them.
    pub internal_networks: Vec<IpNetwork>,
    /// The tunnel networks of its gateway, and those of all gateways that have public addresses in
    /// them. A full tunnel does not open them either: it would let devices reach each other.
    pub tunnel_networks: Vec<IpNetwork>,
    /// Where the gateway is reached, if by address.
    pub endpoint: Option<IpAddr>,
}

impl Surroundings {
    /// The surroundings at a gateway, as far as it says them itself: without the tunnel networks of
    /// the others.
    #[must_use]
    pub fn of(gateway: &GatewayFields) -> Self {
        Self {
            dns_servers: gateway.dns_servers.clone(),
            gateway_addresses: gateway.pool.gateway_addresses(),
            has_v6: gateway.pool.v6.is_some(),
            internal_networks: gateway.internal_networks.clone(),
            tunnel_networks: gateway.pool.networks().collect(),
            endpoint: gateway.endpoint.ip(),
        }
    }

    /// No gateway's surroundings: what policies say by themselves, for both families.
    #[must_use]
    pub const fn nowhere() -> Self {
        Self {
            dns_servers: vec![],
            // No destination of any packet.
            gateway_addresses: Addresses { v4: Ipv4Addr::UNSPECIFIED, v6: None },
            has_v6: true,
            internal_networks: vec![],
            tunnel_networks: vec![],
            endpoint: None,
        }
    }

    /// Whether a resolver listens on one of the gateway's own tunnel addresses.
    #[must_use]
    pub fn dns_on_gateway(&self) -> bool {
        self.dns_servers.iter().any(|server| self.is_own(*server))
    }

    /// Whether this is one of the gateway's own tunnel addresses.
    pub(super) fn is_own(&self, ip: IpAddr) -> bool {
        self.gateway_addresses.iter().any(|own| own == ip)
    }

    /// What a full tunnel does not open unless a policy lists it.
    pub(super) fn closed_to_full_tunnels(&self) -> impl Iterator<Item = &IpNetwork> {
        self.internal_networks.iter().chain(&self.tunnel_networks)
    }

    /// Whether devices can use addresses of this family at all.
    pub(super) const fn has_family_of(&self, ip: IpAddr) -> bool {
        ip.is_ipv4() || self.has_v6
    }
}
