//! What was decided about some devices in the course of time, and from when until when.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    access::{DecidedBy, FlatProfile},
    ids::{DeviceId, GatewayId},
};
use nexavpn_store::Recorded;

use crate::moment::MomentView;

/// What is decided about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// About one packet; by nothing while it is no peer.
    Packet { allowed: bool, by: Option<DecidedBy> },
    /// About all of them; nothing while it is no peer.
    Reach(Option<Arc<FlatProfile>>),
}

/// From an event on, something else was decided.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) idx: i64,
    /// The gateway of the device; none before it was enrolled.
    pub(super) gateway: Option<GatewayId>,
    pub(super) answer: Answer,
    /// None of what held already where the look begins.
    pub(super) event: Option<Arc<Happened>>,
}

/// An event, and who caused it.
#[derive(Debug)]
pub(super) struct Happened {
    pub(super) idx: i64,
    pub(super) time: DateTime<Utc>,
    pub(super) event_type: String,
    pub(super) entity_type: String,
    pub(super) entity_id: String,
    pub(super) metadata: HashMap<String, String>,
}

/// The turns of some devices, from event `start` to event `end`.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) turns: Turns,
}

/// Of each device, in the order of time.
pub(super) type Turns = BTreeMap<DeviceId, Vec<Turn>>;

/// How long something was decided.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    /// None where that is further back than was looked.
    pub(super) since: Option<MomentView>,
    /// None where it still holds, as far as was looked.
    pub(super) until: Option<MomentView>,
}

impl Turn {
    /// Whether the device's part in this gateway's bundle says the same.
    fn agrees(&self, gateway: GatewayId, other: &Self) -> bool {
        let here = |turn: &Self| (turn.gateway == Some(gateway)).then(|| turn.answer.enforced());
        here(self) == here(other)
    }

    /// Whether this gateway's bundle lets the packet of the device pass; none where the question
    /// is not about one.
    pub(super) fn allows(&self, gateway: GatewayId) -> Option<bool> {
        match self.answer {
            Answer::Packet { allowed, .. } => Some(allowed && self.gateway == Some(gateway)),
            Answer::Reach(_) => None,
        }
    }

    /// What this gateway's bundle lets the device reach.
    fn reached(&self, gateway: GatewayId) -> Option<&FlatProfile> {
        match &self.answer {
            Answer::Reach(profile) if self.gateway == Some(gateway) => profile.as_deref(),
            Answer::Reach(_) | Answer::Packet { .. } => None,
        }
    }

    /// Whether a gateway with the one in force does the same as with the other.
    pub(super) fn does_as(&self, gateway: GatewayId, other: &Self) -> bool {
        (self.allows(gateway), self.reached(gateway))
            == (other.allows(gateway), other.reached(gateway))
    }

    fn moment(&self) -> Option<MomentView> {
        let event = self.event.as_ref()?;
        Some(MomentView { idx: self.idx, time: Some(event.time) })
    }
}

impl Answer {
    /// What of it gateways enforce: not which policy decides.
    fn enforced(&self) -> Self {
        match self {
            Self::Packet { allowed, .. } => Self::Packet { allowed: *allowed, by: None },
            Self::Reach(profile) => Self::Reach(profile.clone()),
        }
    }
}

impl Timeline {
    /// What is decided about a device after an event; none where that was not looked at.
    pub(super) fn turn_at(&self, id: DeviceId, idx: i64) -> Option<&Turn> {
        if idx < self.start || idx > self.end {
            return None;
        }
        let turns = self.turns.get(&id)?;
        let after = turns.partition_point(|turn| turn.idx <= idx);
        turns.get(after.checked_sub(1)?)
    }

    /// The event that made the decision what it was after an event: before it another one held.
    /// A move to another gateway, where the same is decided, is none. None too where that is
    /// further back than was looked.
    pub(super) fn made_so_by(&self, id: DeviceId, idx: i64) -> Option<&Arc<Happened>> {
        let now = self.turn_at(id, idx)?;
        let turns = self.turns.get(&id)?;
        let past = &turns[..turns.partition_point(|turn| turn.idx <= idx)];
        let decided = |turn: &Turn| turn.gateway.is_some() && turn.answer == now.answer;
        let same = past.iter().rev().take_while(|turn| decided(turn));
        same.last()?.event.as_ref()
    }

    /// Whether something held after an event of which it is not known since when.
    pub(super) fn lacks_a_beginning(&self, idx: i64) -> bool {
        self.held(idx).any(|(id, gateway)| {
            self.made_so_by(id, idx).is_none() || self.span(id, gateway, idx).since.is_none()
        })
    }

    /// Whether something held after an event of which it is not known until when.
    pub(super) fn lacks_an_end(&self, idx: i64) -> bool {
        self.held(idx).any(|(id, gateway)| self.span(id, gateway, idx).until.is_none())
    }

    /// The devices that were enrolled, each with its gateway.
    fn held(&self, idx: i64) -> impl Iterator<Item = (DeviceId, GatewayId)> {
        self.turns.keys().filter_map(move |id| Some((*id, self.turn_at(*id, idx)?.gateway?)))
    }

    /// Puts before it what led to where it begins.
    pub(super) fn begin_with(&mut self, start: i64, earlier: Turns) {
        self.start = start;
        for (id, mut turns) in earlier {
            // The first of those known held already: how it came about is told by the earlier ones.
            let later = self.turns.remove(&id).unwrap_or_default();
            turns.extend(later.into_iter().skip(1));
            self.turns.insert(id, turns);
        }
    }

    /// From when until when a gateway was to do with the device's packets what it was to do after
    /// an event.
    pub(super) fn span(&self, id: DeviceId, gateway: GatewayId, idx: i64) -> Span {
        let Some(turns) = self.turns.get(&id) else { return Span::default() };
        let after = turns.partition_point(|turn| turn.idx <= idx);
        let Some(now) = after.checked_sub(1).and_then(|at| turns.get(at)) else {
            return Span::default();
        };
        let (past, future) = turns.split_at(after);
        let same = past.iter().rev().take_while(|turn| turn.agrees(gateway, now));
        let first = same.last();
        let other = future.iter().find(|turn| !turn.agrees(gateway, now));
        Span { since: first.and_then(Turn::moment), until: other.and_then(Turn::moment) }
    }
}

impl Happened {
    pub(super) fn of(recorded: &Recorded) -> Self {
        Self {
            idx: recorded.idx,
            time: recorded.effective_time,
            event_type: recorded.event_type.clone(),
            entity_type: recorded.aggregate_type.clone(),
            entity_id: recorded.aggregate_id.clone(),
            metadata: recorded.metadata.clone(),
        }
    }
}
