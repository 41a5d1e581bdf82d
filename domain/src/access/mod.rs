//! What policies mean: the evaluator (design, section 4).
//!
//! [`Access`] is what one device may reach: the policies in force for it, in their order, and what
//! of its gateway matters. AllowedIPs, resources, the firewall's profile, explanations, previews
//! and as-of answers all come from it, so that they cannot contradict each other.
//!
//! - `decide.rs` answers for one packet, rule by rule;
//! - `sweep.rs` answers for all addresses at once (`active.rs` keeps what holds at the current one,
//!   `services.rs` the sets of protocols and ports), and `profile.rs` and `networks.rs` turn that
//!   into boxes and CIDRs;
//! - `difference.rs` compares two accesses the same way: what is gained and lost, and who decides;
//! - `opened.rs` tells what policies open apart from the gateway, and `bound.rs` how large a profile
//!   can become at most;
//! - `testing/` (feature `testing`) holds an independent reference and random policies.
//!
//! A device that is revoked, expired or disabled has no peer at all; that is decided before anybody
//! asks here.

mod active;
mod bound;
mod decide;
mod difference;
mod interval;
mod networks;
mod opened;
mod profile;
mod public;
mod rule;
mod services;
mod sweep;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use bound::{Extent, most_boxes};
pub use decide::{Considered, DecidedBy, Decision, Mismatch, Packet};
pub use difference::{Difference, Direction, Part};
pub use opened::Opened;
pub use profile::{FlatProfile, PortBox};
pub use public::overlaps as is_partly_public;
pub use rule::{Rule, Surroundings};
pub use services::Run as ServiceRun;

use std::sync::Arc;

use ipnetwork::IpNetwork;

/// What one device may reach. Equal where the very same policies decide in the same surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    rules: Vec<Arc<Rule>>,
    surroundings: Arc<Surroundings>,
}

/// A part of the effective destinations, and the policy that opens it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// The addresses.
    pub network: IpNetwork,
    /// The name of the first policy that allows something there.
    pub label: String,
}

impl Access {
    /// Takes the policies in force for a device, in any order.
    pub fn new(
        rules: impl IntoIterator<Item = Arc<Rule>>,
        surroundings: impl Into<Arc<Surroundings>>,
    ) -> Self {
        let mut rules: Vec<_> = rules.into_iter().collect();
        rules.sort_by_key(|rule| rule.order());
        Self { rules, surroundings: surroundings.into() }
    }

    /// Other policies in the same surroundings.
    #[must_use]
    pub fn with_rules(&self, rules: impl IntoIterator<Item = Arc<Rule>>) -> Self {
        Self::new(rules, Arc::clone(&self.surroundings))
    }

    /// The policies in the order in which they are asked.
    #[must_use]
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// Whether the whole traffic of the device is routed into the tunnel.
    #[must_use]
    pub fn is_full_tunnel(&self) -> bool {
        self.rules.iter().any(|rule| rule.opens_internet())
    }

    /// Whether a resolver on the gateway's own tunnel address serves the devices, so that the
    /// input hook must let their DNS in.
    #[must_use]
    pub fn dns_on_gateway(&self) -> bool {
        self.surroundings.dns_on_gateway()
    }

    /// The firewall's view: disjoint accepting boxes in canonical form, equal for equal access.
    ///
    /// Of the gateway's own addresses it holds built-in DNS and nothing else: forwarded packets
    /// never go there, and the input hook asks the same profile, so that a deny policy overrides
    /// the built-in there too.
    #[must_use]
    pub fn profile(&self) -> FlatProfile {
        self.evaluate().0
    }

    /// How many boxes [`profile`](Self::profile) would have, without making them.
    #[must_use]
    pub fn box_count(&self) -> usize {
        self.count_boxes()
    }

    /// Whether policies open anything at all.
    #[must_use]
    pub fn opens_anything(&self) -> bool {
        self.has_openings()
    }

    /// `peer.allowed_ips`: the addresses where policies allow any protocol or port, in the fewest
    /// networks; `0.0.0.0/0` and `::/0` for a full tunnel.
    #[must_use]
    pub fn allowed_ips(&self) -> Vec<IpNetwork> {
        self.list_allowed_ips()
    }

    /// The addresses where policies allow any protocol or port, split where the first allowing
    /// policy changes. For a full tunnel too these are the addresses that it opens, not `0.0.0.0/0`.
    #[must_use]
    pub fn resources(&self) -> Vec<Resource> {
        self.list_resources()
    }

    /// AllowedIPs of the rendered profile: the effective destinations, the DNS servers and the
    /// gateway's tunnel addresses, without the gateway's endpoint (its packets must stay outside
    /// the tunnel). Never empty; exactly `0.0.0.0/0` and `::/0` for a full tunnel.
    #[must_use]
    pub fn routes(&self) -> Vec<IpNetwork> {
        self.routes_through(&self.evaluate().1)
    }

    /// [`routes`](Self::routes) where it is known what policies open.
    #[must_use]
    pub fn routes_through(&self, opened: &Opened) -> Vec<IpNetwork> {
        self.list_routes(opened)
    }
}
