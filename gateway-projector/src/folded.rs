//! The fleet together with the recent revisions of each gateway.

use std::collections::{BTreeSet, HashMap, VecDeque};

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    Event, UnknownEvent,
    fleet::{Changes, Fleet, FleetImage},
    gateway::GatewayEvent,
    ids::{DeviceId, GatewayId},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How many revisions of a gateway are remembered, to say how far behind it is.
const REMEMBERED: usize = 1024;

/// Why an event cannot be folded. Folding on past it could open what it meant to close.
#[derive(Debug, Error)]
pub enum FoldError {
    /// This version does not know the event.
    #[error("event {idx} is not known to this version: {source}")]
    Unknown {
        /// Its place in the order.
        idx: i64,
        /// What is not known.
        source: UnknownEvent,
    },
    /// The order has a hole.
    #[error("event {found} came where {expected} was due")]
    Gap {
        /// The next place.
        expected: i64,
        /// The place of the event that came.
        found: i64,
    },
}

/// How far a gateway is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// How many revisions it lacks; at most as many as are remembered.
    pub revisions: u64,
    /// Since when it lacks the first of them.
    pub since: DateTime<Utc>,
}

/// The newest revisions of a gateway, and when they came.
type Revisions = VecDeque<(i64, DateTime<Utc>)>;

#[derive(Debug, Default)]
pub(crate) struct Folded {
    fleet: Fleet,
    revisions: HashMap<GatewayId, Revisions>,
    touched: HashMap<GatewayId, BTreeSet<DeviceId>>,
}

/// What of it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Image {
    fleet: FleetImage,
    revisions: Vec<(GatewayId, Revisions)>,
}

impl Image {
    pub(crate) const fn idx(&self) -> i64 {
        self.fleet.idx()
    }

    /// The facts, without what is remembered of revisions.
    pub(crate) fn into_facts(self) -> FleetImage {
        self.fleet
    }

    pub(crate) fn restore(self) -> Folded {
        Folded {
            fleet: self.fleet.restore(),
            revisions: self.revisions.into_iter().collect(),
            touched: HashMap::new(),
        }
    }
}

impl Folded {
    /// A fleet, to be gone on with by whoever does not ask how far gateways are behind.
    pub(crate) fn of(fleet: Fleet) -> Self {
        Self { fleet, ..Self::default() }
    }

    pub(crate) fn image(&self) -> Image {
        let mut revisions: Vec<_> = self.revisions.iter().map(|(id, r)| (*id, r.clone())).collect();
        revisions.sort_unstable_by_key(|(id, _)| *id);
        Image { fleet: FleetImage::of(&self.fleet), revisions }
    }

    pub(crate) const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    pub(crate) fn into_fleet(self) -> Fleet {
        self.fleet
    }

    /// Folds the next event of the order.
    pub(crate) fn apply(
        &mut self,
        idx: i64,
        time: DateTime<Utc>,
        event: Result<Event, UnknownEvent>,
    ) -> Result<Changes, FoldError> {
        let expected = self.fleet.idx() + 1;
        if idx != expected {
            return Err(FoldError::Gap { expected, found: idx });
        }
        let event = event.map_err(|source| FoldError::Unknown { idx, source })?;
        let changes = self.fleet.apply(idx, time, &event);
        for id in &changes.gateways {
            let revisions = self.revisions.entry(*id).or_default();
            if revisions.len() == REMEMBERED {
                revisions.pop_front();
            }
            revisions.push_back((idx, time));
        }
        self.touch(&event, &changes);
        if let Event::Gateway(id, GatewayEvent::Deleted {}) = event {
            self.revisions.remove(&id);
            self.touched.remove(&id);
        }
        Ok(changes)
    }

    /// Notes which devices a gateway's bundle has to be looked at for.
    fn touch(&mut self, event: &Event, changes: &Changes) {
        if let Event::Device(id, _) = event {
            // It may have moved, and concerns the gateway that it left too.
            for gateway in &changes.gateways {
                if let Some(touched) = self.touched.get_mut(gateway) {
                    touched.insert(*id);
                }
            }
            return;
        }
        for id in &changes.devices {
            let gateway = self.fleet.device(*id).map(|device| device.gateway_id);
            if let Some(touched) = gateway.and_then(|gateway| self.touched.get_mut(&gateway)) {
                touched.insert(*id);
            }
        }
    }

    /// The devices of a gateway that events have touched since this was last asked; `None` the
    /// first time, when that is not known.
    pub(crate) fn take_touched(&mut self, id: GatewayId) -> Option<BTreeSet<DeviceId>> {
        self.touched.insert(id, BTreeSet::new())
    }

    /// How far behind a gateway is that has applied this revision; `None` where it is not.
    pub(crate) fn lag(&self, id: GatewayId, applied: i64) -> Option<Lag> {
        let revisions = self.revisions.get(&id)?;
        let first = revisions.partition_point(|(revision, _)| *revision <= applied);
        let (_, since) = revisions.get(first)?;
        Some(Lag { revisions: (revisions.len() - first) as u64, since: *since })
    }
}
