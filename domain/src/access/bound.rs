//! How large a profile can become at most, told from how much the policies list: enough to know in
//! a moment, for most installations, that no change makes anybody's profile too large.

use super::{Rule, interval::Family, public};

/// How much of a gateway matters to the size of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// The number of its resolvers.
    pub dns_servers: usize,
    /// The number of networks that a full tunnel does not open.
    pub closed: usize,
}

impl Extent {
    /// What is not below either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            dns_servers: self.dns_servers.max(other.dns_servers),
            closed: self.closed.max(other.closed),
        }
    }
}

/// No profile of any of these rules has more boxes than this, at any gateway of this extent.
///
/// Access changes only where something that is listed begins or ends. Between two such places
/// there is at most a box for each of the protocols that services name and for what lies between
/// them, and another one for each range of ports.
pub fn most_boxes<'a>(rules: impl IntoIterator<Item = &'a Rule>, extent: Extent) -> usize {
    let (mut listed, mut services, mut ports, mut tunnels) = (0_usize, 0_usize, 0_usize, false);
    for rule in rules {
        listed = listed.saturating_add(rule.destinations.len());
        services = services.saturating_add(rule.services.len());
        let ranges = rule.services.iter().map(|service| service.ports.len());
        ports = ports.saturating_add(ranges.sum());
        tunnels |= rule.opens_internet();
    }
    if tunnels {
        let public = [Family::V4, Family::V6].map(|family| public::ranges(family).len());
        listed = listed.saturating_add(public.iter().sum::<usize>()).saturating_add(extent.closed);
    }
    // The gateway's own addresses, one of a family.
    let places = listed.saturating_add(extent.dns_servers).saturating_add(2).saturating_mul(2);
    // Built-in DNS is two boxes by itself.
    let each = match services {
        0 => 2,
        _ => services.saturating_mul(2).saturating_add(ports).saturating_add(7),
    };
    places.saturating_mul(each)
}
