//! What a change leaves to the clock: a policy that is made today may count from tomorrow on, and
//! a device that is let in may expire.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use super::{DeviceState, Fleet, Outlook};
use crate::{
    device::DeviceEvent,
    event::Event,
    ids::{DeviceId, PolicyId},
    policy::{Policy, PolicyCommand, PolicyEvent},
};

/// What falls due, by the moment.
pub(super) type Due = BTreeMap<DateTime<Utc>, Vec<Event>>;

/// What a change would bring at a later moment.
#[derive(Debug)]
pub struct Later {
    /// When.
    pub at: DateTime<Utc>,
    /// What the clock does then.
    pub events: Vec<Event>,
    /// What comes of it, after all that was before.
    pub outlook: Outlook,
}

/// A device whose profile would be too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oversized {
    /// Which.
    pub device: DeviceId,
    /// To how many boxes its profile would come.
    pub boxes: usize,
    /// When the clock makes it so; none where the change does so at once.
    pub at: Option<DateTime<Utc>>,
}

impl Fleet {
    /// What the clock has to do with the policies and devices that these events are about, unless
    /// somebody changes them before. Nothing comes of it where they are disabled: that is left
    /// out.
    pub(super) fn due(&self, events: &[Event]) -> Due {
        let (mut policies, mut devices) = (BTreeSet::<PolicyId>::new(), BTreeSet::new());
        for event in events {
            match event {
                Event::Policy(id, _) => {
                    policies.insert(*id);
                }
                Event::Device(id, _) => {
                    devices.insert(*id);
                }
                Event::User(..)
                | Event::Group(..)
                | Event::Gateway(..)
                | Event::Session(..)
                | Event::Security(..)
                | Event::Webhook(..) => {}
            }
        }
        let mut due = Due::new();
        // Of the same moment in this order, as the clock does it: devices, policies, each by id.
        for id in devices {
            for (at, event) in self.devices.get(&id).into_iter().flat_map(of_device) {
                due.entry(at).or_default().push(Event::Device(id, event));
            }
        }
        for id in policies {
            let policy = self.policies.get(&id).map(|policy| policy.policy.clone());
            for (at, event) in policy.map(of_policy).unwrap_or_default() {
                due.entry(at).or_default().push(Event::Policy(id, event));
            }
        }
        due
    }

    /// Lets these events happen after those that have.
    pub(super) fn go_on(&mut self, time: DateTime<Utc>, events: &[Event]) {
        for event in events {
            self.apply(self.idx + 1, time, event);
        }
    }

    /// The most boxes that each device's profile comes to, now or by what falls due.
    fn most_boxes(&self, due: &Due) -> BTreeMap<DeviceId, Oversized> {
        let mut most = BTreeMap::new();
        let mut note = |fleet: &Self, at| {
            for (device, state) in &fleet.devices {
                let boxes = state.compiled.as_ref().map_or(0, |c| c.profile().box_count());
                let now = Oversized { device: *device, boxes, at };
                let known = most.entry(*device).or_insert(now);
                if boxes > known.boxes {
                    *known = now;
                }
            }
        };
        note(self, None);
        let mut ahead = Cow::Borrowed(self);
        for (at, events) in due {
            ahead.to_mut().go_on(*at, events);
            note(&ahead, Some(*at));
        }
        most
    }
}

impl Outlook {
    /// What the change leaves to the clock, one moment after the other.
    pub fn later(&self) -> impl ExactSizeIterator<Item = Later> {
        let mut fleet = Arc::clone(&self.after);
        self.due.iter().map(move |(at, events)| {
            let before = Arc::clone(&fleet);
            Arc::make_mut(&mut fleet).go_on(*at, events);
            let present = Arc::clone(&self.present);
            let outlook = Self { present, ..Self::between(before, Arc::clone(&fleet)) };
            Later { at: *at, events: events.clone(), outlook }
        })
    }

    /// The device whose profile would come to more boxes than this, at once or later, and to more
    /// than it comes to without the change: the largest of them.
    #[must_use]
    pub fn oversized(&self, limit: usize) -> Option<Oversized> {
        let mut most = self.after.most_boxes(&self.due);
        most.retain(|_, most| most.boxes > limit);
        if most.is_empty() {
            return None;
        }
        let without = self.before.most_boxes(&self.due_anyway);
        let grown = most
            .into_values()
            .filter(|with| without.get(&with.device).is_none_or(|w| with.boxes > w.boxes));
        grown.max_by_key(|with| (with.boxes, Reverse(with.device)))
    }
}

/// What the clock does to a policy.
fn of_policy(mut policy: Policy) -> Vec<(DateTime<Utc>, PolicyEvent)> {
    let mut due = Vec::new();
    while policy.fields().is_some_and(|fields| fields.enabled)
        && let Some(at) = policy.next_tick()
        && let Ok(events) = policy.decide(PolicyCommand::Tick { now: at })
        && !events.is_empty()
    {
        for event in events {
            policy.evolve(&event);
            due.push((at, event));
        }
    }
    due
}

/// What the clock does to a device.
fn of_device(device: &DeviceState) -> impl Iterator<Item = (DateTime<Utc>, DeviceEvent)> {
    let expiry = device.expires_at.filter(|_| !device.expired);
    let lapse = device.rotation_deadline.filter(|_| !device.rotation_lapsed);
    let expiry = expiry.map(|at| (at, DeviceEvent::Expired {}));
    let lapse = lapse.map(|at| (at, DeviceEvent::RotationLapsed {}));
    let counts = device.enabled && !device.revoked;
    expiry.into_iter().chain(lapse).filter(move |_| counts)
}
