//! From what events do to the fleet to the answer. Devices with the same access before and
//! afterwards are looked at once.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    Event,
    access::{DecidedBy, Difference, Direction, Part, ServiceRun},
    fleet::{Compiled, DeviceOutlook, Outlook, PolicyState},
    ids::{DeviceId, PolicyId, UserId},
    values::Protocol,
};

use super::view::{
    AccessChange, AccessChanges, Decider, Destination, DeviceChange, DeviceTotals, EventCount,
    GatewayChange, Later, List, PolicyName, Preview, ServiceView,
};

/// How many pairs of accesses are compared in every detail. Of those beyond, which are shown to
/// nobody, it is only worked out whether they gain or lose.
const COMPARED: usize = 1000;
/// How many destinations are shown for each device that may be shown.
const DESTINATIONS: usize = 10;

/// How many later moments are looked at.
const MOMENTS: usize = 10;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(in crate::routes::admin) struct Asker {
    pub(in crate::routes::admin) user: UserId,
    /// Where the request comes from.
    pub(in crate::routes::admin) address: Option<IpAddr>,
}

/// Devices that have the same access before, and the same afterwards.
pub(super) struct Pair<'a> {
    before: Option<&'a Arc<Compiled>>,
    after: Option<&'a Arc<Compiled>>,
    pub(super) devices: Vec<(DeviceId, &'a DeviceOutlook)>,
    /// Whether one of them is the asker's.
    own: bool,
    pub(super) direction: Direction,
    loses_everything: bool,
}

/// Devices that gain and lose the same.
struct Group<'a> {
    difference: Arc<Difference>,
    devices: Vec<(DeviceId, &'a DeviceOutlook)>,
    own: bool,
}

/// Puts the answer together.
pub(in crate::routes::admin) struct Composer<'a> {
    pub(super) outlook: &'a Outlook,
    pub(super) asker: Asker,
    pub(super) limit: usize,
    pub(super) pairs: Vec<Pair<'a>>,
    groups: Vec<Group<'a>>,
    pub(super) emptied: HashSet<DeviceId>,
}

impl<'a> Composer<'a> {
    pub(in crate::routes::admin) fn new(outlook: &'a Outlook, asker: Asker, limit: usize) -> Self {
        let mut pairs = pairs(outlook, asker);
        let groups = groups(&mut pairs);
        let emptied = pairs.iter().filter(|pair| pair.loses_everything);
        let emptied = emptied.flat_map(|pair| &pair.devices).map(|(id, _)| *id).collect();
        Self { outlook, asker, limit, pairs, groups, emptied }
    }

    /// What events would do, and what follows later.
    pub(in crate::routes::admin) fn preview(&self, events: &[Event]) -> Preview {
        let later = self.outlook.later();
        let total = later.len();
        let later = later.map(|then| {
            Composer::new(&then.outlook, self.asker, self.limit).later(then.at, &then.events)
        });
        Preview {
            idx: self.outlook.idx(),
            events: counted(events),
            devices: self.totals(),
            changes: self.changes(),
            gateways: self.gateways(),
            warnings: self.warnings(events),
            later: List::first(later, total, MOMENTS),
        }
    }

    fn later(&self, at: DateTime<Utc>, events: &[Event]) -> Later {
        Later {
            at,
            events: counted(events),
            devices: self.totals(),
            changes: self.changes(),
            gateways: self.gateways(),
            warnings: self.warnings(events),
        }
    }

    pub(in crate::routes::admin) fn totals(&self) -> DeviceTotals {
        let count = |wanted: &dyn Fn(&Pair<'_>) -> bool| {
            self.pairs.iter().filter(|pair| wanted(pair)).map(|pair| pair.devices.len()).sum()
        };
        let devices = self.outlook.devices.values();
        let risen = devices.filter(|device| {
            let (before, after) = device.profile_revision();
            after > before
        });
        DeviceTotals {
            total: self.outlook.devices.len(),
            gaining: count(&|pair| pair.direction.gains),
            losing: count(&|pair| pair.direction.loses),
            losing_everything: self.emptied.len(),
            profile_revisions: risen.count(),
        }
    }

    pub(in crate::routes::admin) fn changes(&self) -> AccessChanges {
        let (mut devices, mut destinations) = (self.limit, DESTINATIONS * self.limit);
        let mut items = Vec::new();
        for group in &self.groups {
            if devices == 0 {
                break;
            }
            let shown = group.devices.iter().map(|(id, device)| self.device(*id, device));
            let shown = List::first(shown, group.devices.len(), devices);
            devices -= shown.items.len();
            let mut list = |parts: &[Part]| {
                let all = parts.iter().map(|part| self.destination(part));
                let list = List::first(all, parts.len(), destinations);
                destinations -= list.items.len();
                list
            };
            let (gained, lost) = (list(&group.difference.gained), list(&group.difference.lost));
            items.push(AccessChange { devices: shown, gained, lost });
        }
        let shown: usize = items.iter().map(|group| group.devices.items.len()).sum();
        AccessChanges { items, truncated: shown < self.outlook.devices.len() }
    }

    fn device(&self, id: DeviceId, device: &DeviceOutlook) -> DeviceChange {
        let (status_before, status_after) = device.status();
        let (profile_revision_before, profile_revision_after) = device.profile_revision();
        DeviceChange {
            device_id: id,
            device_name: None,
            user_id: device.owner(),
            username: None,
            gateway_id: device.after.gateway_id,
            status_before: status_before.map(|status| status.as_str()),
            status_after: status_after.as_str(),
            profile_revision_before,
            profile_revision_after,
            loses_everything: self.emptied.contains(&id),
        }
    }

    fn destination(&self, part: &Part) -> Destination {
        let all = part.is_of_all_services();
        let services = part.services.iter().filter(|_| !all).map(service).collect();
        Destination {
            network: part.network.to_string(),
            services,
            before: decider(part.before, |id| self.outlook.policy_before(id)),
            after: decider(part.after, |id| self.outlook.policy_after(id)),
        }
    }

    pub(in crate::routes::admin) fn gateways(&self) -> List<GatewayChange> {
        let mut devices: HashMap<_, usize> = HashMap::new();
        for device in self.outlook.devices.values() {
            *devices.entry(device.after.gateway_id).or_default() += 1;
        }
        let all = self.outlook.gateways.iter().map(|(id, gateway)| GatewayChange {
            gateway_id: *id,
            name: gateway.fields.name.clone(),
            revision: self.outlook.gateway_now(*id).map_or(0, |now| now.revision),
            devices: devices.get(id).copied().unwrap_or_default(),
        });
        List::first(all, self.outlook.gateways.len(), self.limit)
    }
}

fn pairs(outlook: &Outlook, asker: Asker) -> Vec<Pair<'_>> {
    let address = |compiled: Option<&Arc<Compiled>>| compiled.map(Arc::as_ptr);
    let mut known: HashMap<_, usize> = HashMap::new();
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    for (id, device) in &outlook.devices {
        let (before, after) = (device.access_before(), device.access_after());
        let at = *known.entry((address(before), address(after))).or_insert_with(|| {
            pairs.push(Pair {
                before,
                after,
                devices: vec![],
                own: false,
                direction: Direction::default(),
                loses_everything: device.loses_everything(),
            });
            pairs.len() - 1
        });
        if let Some(pair) = pairs.get_mut(at) {
            pair.own |= device.belongs_to(asker.user);
            pair.devices.push((*id, device));
        }
    }
    // The order is stable: by the first device.
    pairs.sort_by_key(|pair| (Reverse(pair.own), Reverse(pair.devices.len())));
    pairs
}

/// Compares the accesses of each pair, and gathers those in which the same changes.
fn groups<'a>(pairs: &mut [Pair<'a>]) -> Vec<Group<'a>> {
    let mut known: HashMap<Arc<Difference>, usize> = HashMap::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (n, pair) in pairs.iter_mut().enumerate() {
        let same = match (pair.before, pair.after) {
            (Some(before), Some(after)) => before == after,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let [before, after] = [pair.before, pair.after].map(|c| c.map(|c| c.access()));
        if n >= COMPARED {
            if !same {
                pair.direction = Direction::between(before, after);
            }
            continue;
        }
        let difference =
            if same { Difference::default() } else { Difference::between(before, after) };
        pair.direction =
            Direction { gains: !difference.gained.is_empty(), loses: !difference.lost.is_empty() };
        let difference = Arc::new(difference);
        let at = *known.entry(Arc::clone(&difference)).or_insert_with(|| {
            groups.push(Group { difference: Arc::clone(&difference), devices: vec![], own: false });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.own |= pair.own;
            group.devices.extend(&pair.devices);
        }
    }
    for group in &mut groups {
        group.devices.sort_by_key(|(id, _)| *id);
    }
    groups.sort_by_key(|group| {
        (Reverse(group.own), Reverse(group.devices.len()), group.devices.first().map(|(id, _)| *id))
    });
    groups
}

fn counted(events: &[Event]) -> Vec<EventCount> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for event in events {
        *kinds.entry(event.event_type()).or_default() += 1;
    }
    kinds.into_iter().map(|(event_type, count)| EventCount { event_type, count }).collect()
}

pub(in crate::routes::admin) fn decider<'a>(
    by: Option<DecidedBy>,
    policy: impl FnOnce(PolicyId) -> Option<&'a PolicyState>,
) -> Decider {
    match by {
        None => Decider { decided_by: "no_peer".into(), policy: None },
        Some(DecidedBy::Policy(id)) => {
            let name = policy(id).map(|policy| policy.rule.name.clone()).unwrap_or_default();
            Decider { decided_by: "policy".into(), policy: Some(PolicyName { id, name }) }
        }
        Some(by) => Decider { decided_by: by.to_string(), policy: None },
    }
}

pub(in crate::routes::admin) fn service(run: &ServiceRun) -> ServiceView {
    let (first, last) = run.protocols;
    let protocol =
        if first == last { Protocol(first).to_string() } else { format!("{first}-{last}") };
    let range = |(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    let ports = if run.has_all_ports() { vec![] } else { run.ports.iter().map(range).collect() };
    ServiceView { protocol, ports }
}
