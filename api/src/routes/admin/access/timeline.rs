//! What was decided about some devices in the course of time: the events that can concern them are
//! folded by a [`Witness`], so that neither the number of events nor that of devices matters much.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Instant,
};

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    Event, StoredEvent as _,
    access::{Access, DecidedBy, FlatProfile, Packet},
    device::DeviceEvent,
    fleet::Witness,
    group::GroupEvent,
    ids::{DeviceId, GatewayId},
};
use nexavpn_projections::concerning::Concerning;
use nexavpn_store::{Log, Recorded};
use uuid::Uuid;

use crate::{
    App,
    error::ApiError,
    moment::{AsOf, MomentView},
};

/// How many events are looked at on each side of the moment for one device, and at least for any
/// number of them.
const MOST: i64 = 2_500;
const LEAST: i64 = 500;
/// How many looks there are for all together: where what held began earlier, a look goes on to the
/// past, each time over so many times as many events, until it is found or there are no more looks.
const LOOKS: i64 = 100_000;
const FURTHER: i64 = 4;
/// For how many devices a look goes on: an explanation's, not those of a list.
const FEW: usize = 4;

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
    gateway: Option<GatewayId>,
    answer: Answer,
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
    turns: BTreeMap<DeviceId, Vec<Turn>>,
}

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
    fn lacks_a_beginning(&self, idx: i64) -> bool {
        self.turns.keys().any(|id| {
            let gateway = self.turn_at(*id, idx).and_then(|turn| turn.gateway);
            gateway.is_some_and(|gateway| {
                self.made_so_by(*id, idx).is_none() || self.span(*id, gateway, idx).since.is_none()
            })
        })
    }

    /// Puts before it what led to where it begins.
    fn begin_with(&mut self, start: i64, earlier: BTreeMap<DeviceId, Vec<Turn>>) {
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

/// Looks at some devices around a moment: what happens to a packet from each, or what each reaches.
pub(super) async fn timeline(
    app: &App,
    at: AsOf,
    devices: BTreeSet<DeviceId>,
    packet: Option<Packet>,
) -> Result<Timeline, ApiError> {
    let log = app.commands.store().log();
    let ids: Vec<DeviceId> = devices.iter().copied().collect();
    if ids.is_empty() {
        return Ok(Timeline { start: 0, end: at.idx, turns: BTreeMap::new() });
    }
    let deadline = Instant::now() + app.http.consistency_wait;
    let behind = || {
        let message = "the control plane is still reading its events: try again";
        ApiError::unavailable("not_live", message, 1)
    };
    app.projections.wait_for_all(at.idx, deadline.into()).await.map_err(|_| behind())?;
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let own = log.streams(DeviceEvent::AGGREGATE_TYPE, &uuids, i64::MAX).await?;
    let owners = own.iter().filter_map(|e| Witness::owner_named(e.event.as_ref().ok()?));
    let owners: BTreeSet<_> = owners.collect();
    let owners: Vec<_> = owners.into_iter().collect();
    let look = Look { app, log, concerning: Concerning { devices: &ids, owners: &owners }, packet };
    let mut left = LOOKS / i64::try_from(ids.len()).unwrap_or(LOOKS);
    let most = left.clamp(LEAST, MOST);
    let known = Concerning::known_up_to(&app.pool).await?;
    if known < at.idx {
        return Err(behind());
    }
    let (start, past) = look.back_from(at.idx, most).await?;
    let future = look.concerning.after(&app.pool, (at.idx, known), most).await?;
    let end = future.last().copied().filter(|_| is_full(&future, most)).unwrap_or(known);
    let mut timeline = Timeline { start, end, turns: look.turns(start, past, future).await? };
    // What was decided long ago is found, too, where the devices are few enough.
    let mut most = most;
    while ids.len() <= FEW && timeline.start > 0 && timeline.lacks_a_beginning(at.idx) {
        left -= most;
        most = (most * FURTHER).min(left);
        if most < LEAST {
            break;
        }
        let (start, past) = look.back_from(timeline.start, most).await?;
        timeline.begin_with(start, look.turns(start, past, vec![]).await?);
    }
    Ok(timeline)
}

fn is_full(numbers: &[i64], most: i64) -> bool {
    i64::try_from(numbers.len()).is_ok_and(|n| n >= most)
}

/// What a look needs, however far it goes.
struct Look<'a> {
    app: &'a App,
    log: Log,
    concerning: Concerning<'a>,
    packet: Option<Packet>,
}

impl Look<'_> {
    /// Where a look begins that takes about so many events up to this one, and which they are.
    async fn back_from(&self, idx: i64, most: i64) -> Result<(i64, Vec<i64>), ApiError> {
        let mut numbers = self.concerning.up_to(&self.app.pool, idx, most + 1).await?;
        if !is_full(&numbers, most + 1) {
            return Ok((0, numbers));
        }
        // A look that begins where a state is kept needs none folded. It has to get further.
        let kept = self.app.fleet.kept_from(numbers[0]).await?.filter(|kept| *kept < idx);
        let start = kept.unwrap_or(numbers[0]);
        numbers.retain(|number| *number > start);
        Ok((start, numbers))
    }

    /// The turns from an event on, by the events before a moment and after it.
    async fn turns(
        &self,
        start: i64,
        past: Vec<i64>,
        future: Vec<i64>,
    ) -> Result<BTreeMap<DeviceId, Vec<Turn>>, ApiError> {
        let ids = self.concerning.devices.to_vec();
        let devices = ids.iter().copied().collect();
        let witness = match start {
            0 => Witness::new(devices),
            start => Witness::of(&*self.app.fleet.past(start).await?, devices),
        };
        // Opening them is most of the work: both sides at the same time.
        let pick = |numbers: Vec<i64>| {
            let log = self.log.clone();
            tokio::spawn(async move { log.pick(&numbers).await })
        };
        let (past, future) = (pick(past), pick(future));
        let mut events = past.await.map_err(|e| ApiError::internal(&e))??;
        events.extend(future.await.map_err(|e| ApiError::internal(&e))??);
        let watch = Watch { witness, packet: self.packet, last: BTreeMap::new() };
        let fold = move || watch.fold(&ids, start, events);
        tokio::task::spawn_blocking(fold).await.map_err(|e| ApiError::internal(&e))?
    }
}

struct Watch {
    witness: Witness,
    packet: Option<Packet>,
    /// What the devices reach was worked out from.
    last: BTreeMap<DeviceId, (Access, Arc<FlatProfile>)>,
}

impl Watch {
    fn fold(
        mut self,
        ids: &[DeviceId],
        start: i64,
        events: Vec<Recorded>,
    ) -> Result<BTreeMap<DeviceId, Vec<Turn>>, ApiError> {
        let mut turns = BTreeMap::new();
        for id in ids {
            let (gateway, answer) = self.answer(*id);
            turns.insert(*id, vec![Turn { idx: start, gateway, answer, event: None }]);
        }
        for recorded in events {
            let event = recorded.event.as_ref().map_err(|e| ApiError::internal(e))?;
            self.witness.apply(recorded.idx, recorded.effective_time, event);
            let concerned: Vec<DeviceId> =
                ids.iter().copied().filter(|id| self.may_concern(event, *id)).collect();
            let mut happened = None;
            for id in concerned {
                let (gateway, answer) = self.answer(id);
                let Some(turns) = turns.get_mut(&id) else { continue };
                let as_before =
                    turns.last().is_some_and(|t| (t.gateway, &t.answer) == (gateway, &answer));
                if !as_before {
                    let event = happened.get_or_insert_with(|| Arc::new(Happened::of(&recorded)));
                    let event = Some(Arc::clone(event));
                    turns.push(Turn { idx: recorded.idx, gateway, answer, event });
                }
            }
        }
        Ok(turns)
    }

    /// `false` is certain.
    fn may_concern(&self, event: &Event, id: DeviceId) -> bool {
        let owner = || self.witness.device(id).map(|(device, _)| device.owner);
        match event {
            Event::Device(device, _) => *device == id,
            Event::User(user, _) => owner() == Some(*user),
            Event::Group(
                _,
                GroupEvent::MemberAdded { user_id } | GroupEvent::MemberRemoved { user_id },
            ) => owner() == Some(*user_id),
            _ => true,
        }
    }

    fn answer(&mut self, id: DeviceId) -> (Option<GatewayId>, Answer) {
        let gateway = self.witness.device(id).map(|(device, _)| device.gateway_id);
        let access = self.witness.access(id);
        let answer = match &self.packet {
            Some(packet) => {
                let decision = access.map(|access| access.decide(packet));
                let allowed = decision.is_some_and(|decision| decision.allowed);
                Answer::Packet { allowed, by: decision.map(|decision| decision.by) }
            }
            None => Answer::Reach(access.map(|access| self.profile(id, access))),
        };
        (gateway, answer)
    }

    fn profile(&mut self, id: DeviceId, access: Access) -> Arc<FlatProfile> {
        if let Some((last, profile)) = self.last.get(&id)
            && *last == access
        {
            return Arc::clone(profile);
        }
        let profile = Arc::new(access.profile());
        self.last.insert(id, (access, Arc::clone(&profile)));
        profile
    }
}

impl Happened {
    fn of(recorded: &Recorded) -> Self {
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
