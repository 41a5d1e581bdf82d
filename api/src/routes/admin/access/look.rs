//! Looking at some devices around a moment: the events that can concern them are folded by a
//! [`Witness`], so that neither the number of events nor that of devices matters much.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use nexavpn_domain::{
    Event, StoredEvent as _,
    access::{Access, FlatProfile, Packet},
    device::DeviceEvent,
    fleet::Witness,
    group::GroupEvent,
    ids::{DeviceId, GatewayId, UserId},
};
use nexavpn_projections::concerning::Concerning;
use nexavpn_store::{Log, Recorded};
use uuid::Uuid;

use super::timeline::{Answer, Happened, Timeline, Turn, Turns};
use crate::{App, error::ApiError, moment::AsOf};

/// How many events the first look takes on each side of the moment. Where it does not find since
/// when and until when something held, each next one takes so many times as many.
const FIRST: i64 = 100;
const FURTHER: i64 = 4;
/// How many events are looked at on each side of the moment for one device, and at least for any
/// number of them.
const MOST: i64 = 2_500;
const LEAST: i64 = 500;
/// How many looks at events there are for all devices together. A few devices may have all of them
/// for the past: those of an explanation, which is to say who made it so, not those of a list.
const LOOKS: i64 = 100_000;
const FEW: usize = 4;
/// How many events are opened at once.
const AT_ONCE: usize = 2_500;
/// What says whose a device is.
const OWNER_NAMING: &[&str] = &["device.enrolled", "device.owner_changed"];

/// A look at some devices around a moment: what happens to a packet from each, or what each reaches.
/// It goes no further than it has to, since opening events is most of the work.
pub(super) struct Look<'a> {
    app: &'a App,
    log: Log,
    at: i64,
    ids: Vec<DeviceId>,
    /// Everybody who has or had one of them.
    owners: Vec<UserId>,
    /// The events beyond this one are not known yet.
    known: i64,
    /// How many more events may be looked at in the past.
    left: i64,
    /// How many the next look at the past takes.
    next: i64,
    packet: Option<Packet>,
    pub(super) timeline: Timeline,
}

impl<'a> Look<'a> {
    /// Looks as far as it takes to find from when until when everything was decided that was decided
    /// at the moment, within bounds.
    pub(super) async fn at(
        app: &'a App,
        at: AsOf,
        devices: BTreeSet<DeviceId>,
        packet: Option<Packet>,
    ) -> Result<Self, ApiError> {
        let log = app.commands.store().log();
        let ids = Vec::from_iter(devices);
        let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let kind = DeviceEvent::AGGREGATE_TYPE;
        let named = log.streams_of(kind, &uuids, i64::MAX, OWNER_NAMING).await?;
        let owners = named.iter().filter_map(|e| Witness::owner_named(e.event.as_ref().ok()?));
        let owners = Vec::from_iter(BTreeSet::from_iter(owners));
        let all = LOOKS / i64::try_from(ids.len().max(1)).unwrap_or(LOOKS);
        let each_side = all.clamp(LEAST, MOST);
        let left = if ids.len() <= FEW { all } else { each_side };
        let timeline = Timeline { start: at.idx, end: at.idx, turns: BTreeMap::new() };
        let at = at.idx;
        let mut look =
            Self { app, log, at, ids, owners, known: at, left, next: FIRST, packet, timeline };
        if !look.ids.is_empty() {
            look.wait().await?;
            look.all_round(each_side).await?;
        }
        Ok(look)
    }

    /// Which events concern a device is a read model's, which has to be there.
    async fn wait(&mut self) -> Result<(), ApiError> {
        let deadline = Instant::now() + self.app.http.consistency_wait;
        let behind = || {
            let message = "the control plane is still reading its events: try again";
            ApiError::unavailable("not_live", message, 1)
        };
        let reached = self.app.projections.wait_for_all(self.at, deadline.into()).await;
        reached.map_err(|_| behind())?;
        self.known = Concerning::known_up_to(&self.app.pool).await?;
        if self.known < self.at { Err(behind()) } else { Ok(()) }
    }

    async fn all_round(&mut self, mut ahead: i64) -> Result<(), ApiError> {
        let mut most = FIRST.min(ahead);
        let (start, mut events) = self.back_from(self.at).await?;
        let (end, future) = self.ahead_of(self.at, most).await?;
        events.extend(future);
        let mut watch = self.watch(start).await?;
        let mut turns = watch.turns(&self.ids, start);
        (watch, turns) = self.fold(watch, turns, &events).await?;
        self.timeline = Timeline { start, end, turns };
        while self.timeline.end < self.known && self.timeline.lacks_an_end(self.at) {
            ahead -= most;
            most = (most * FURTHER).min(ahead);
            if most <= 0 {
                break;
            }
            let (end, future) = self.ahead_of(self.timeline.end, most).await?;
            let turns = std::mem::take(&mut self.timeline.turns);
            (watch, self.timeline.turns) = self.fold(watch, turns, &future).await?;
            self.timeline.end = end;
        }
        while self.timeline.lacks_a_beginning(self.at) && self.goes_on() {
            self.go_back().await?;
        }
        Ok(())
    }

    /// Whether there is more to be seen of the past.
    fn goes_on(&self) -> bool {
        self.timeline.start > 0 && self.left > 0
    }

    /// Looks back to an event, as far as that is within bounds.
    pub(super) async fn back_to(&mut self, idx: i64) -> Result<(), ApiError> {
        while idx < self.timeline.start && self.goes_on() {
            self.go_back().await?;
        }
        Ok(())
    }

    async fn go_back(&mut self) -> Result<(), ApiError> {
        let (start, events) = self.back_from(self.timeline.start).await?;
        let mut watch = self.watch(start).await?;
        let turns = watch.turns(&self.ids, start);
        let (_, turns) = self.fold(watch, turns, &events).await?;
        self.timeline.begin_with(start, turns);
        Ok(())
    }

    fn concerning(&self) -> Concerning<'_> {
        Concerning { devices: &self.ids, owners: &self.owners }
    }

    /// Where the next look at the past begins, and the numbers of its events up to this one. It begins
    /// where the state of the fleet is kept, so that none needs to be folded.
    async fn back_from(&mut self, idx: i64) -> Result<(i64, Vec<i64>), ApiError> {
        let pool = &self.app.pool;
        let most = self.next.min(self.left);
        let mut numbers = self.concerning().up_to(pool, idx, most + 1).await?;
        let mut start = 0;
        if is_full(&numbers, most + 1) {
            // It has to get further than it is.
            let oldest = self.app.fleet.kept_from(numbers[0]).await?.filter(|kept| *kept < idx);
            start = match oldest {
                Some(kept) => kept,
                None => self.app.fleet.kept_up_to(numbers[0]).await,
            };
            numbers = match oldest {
                Some(kept) => numbers.into_iter().filter(|number| *number > kept).collect(),
                None => self.concerning().after(pool, (start, idx), i64::MAX).await?,
            };
        }
        self.left -= most.max(i64::try_from(numbers.len()).unwrap_or(most));
        self.next = self.next.saturating_mul(FURTHER);
        Ok((start, numbers))
    }

    /// So many events after this one, and up to where there are no others.
    async fn ahead_of(&self, idx: i64, most: i64) -> Result<(i64, Vec<i64>), ApiError> {
        let range = (idx, self.known);
        let numbers = self.concerning().after(&self.app.pool, range, most).await?;
        let end = numbers.last().copied().filter(|_| is_full(&numbers, most));
        Ok((end.unwrap_or(self.known), numbers))
    }

    async fn watch(&self, start: i64) -> Result<Watch, ApiError> {
        let devices = self.ids.iter().copied().collect();
        let witness = self.app.fleet.witness(start, devices).await?;
        Ok(Watch { witness, packet: self.packet, last: BTreeMap::new() })
    }

    /// Goes on over these events.
    async fn fold(
        &self,
        mut watch: Watch,
        mut turns: Turns,
        numbers: &[i64],
    ) -> Result<(Watch, Turns), ApiError> {
        for numbers in numbers.chunks(AT_ONCE) {
            let events = self.log.pick(numbers).await?;
            let fold = move || watch.fold(&mut turns, events).map(|()| (watch, turns));
            let folded = tokio::task::spawn_blocking(fold).await;
            (watch, turns) = folded.map_err(|e| ApiError::internal(&e))??;
        }
        Ok((watch, turns))
    }
}

fn is_full(numbers: &[i64], most: i64) -> bool {
    i64::try_from(numbers.len()).is_ok_and(|n| n >= most)
}

struct Watch {
    witness: Witness,
    packet: Option<Packet>,
    /// What the devices reach was worked out from.
    last: BTreeMap<DeviceId, (Access, Arc<FlatProfile>)>,
}

impl Watch {
    /// What is decided where it begins.
    fn turns(&mut self, ids: &[DeviceId], start: i64) -> Turns {
        let turn = |id: &DeviceId| {
            let (gateway, answer) = self.answer(*id);
            (*id, vec![Turn { idx: start, gateway, answer, event: None }])
        };
        ids.iter().map(turn).collect()
    }

    fn fold(&mut self, turns: &mut Turns, events: Vec<Recorded>) -> Result<(), ApiError> {
        for recorded in events {
            let event = recorded.event.as_ref().map_err(|e| ApiError::internal(e))?;
            self.witness.apply(recorded.idx, recorded.effective_time, event);
            let mut happened = None;
            for (id, turns) in &mut *turns {
                if !self.may_concern(event, *id) {
                    continue;
                }
                let (gateway, answer) = self.answer(*id);
                let as_before =
                    turns.last().is_some_and(|t| (t.gateway, &t.answer) == (gateway, &answer));
                if !as_before {
                    let event = happened.get_or_insert_with(|| Arc::new(Happened::of(&recorded)));
                    let event = Some(Arc::clone(event));
                    turns.push(Turn { idx: recorded.idx, gateway, answer, event });
                }
            }
        }
        Ok(())
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
