//! What to think about before a change.

use nexavpn_domain::{
    Event,
    access::Direction,
    fleet::DeviceOutlook,
    ids::{DeviceId, UserId},
    user::UserEvent,
};

use super::{
    compose::Composer,
    view::{List, Warning, WarningCode},
};

impl Composer<'_> {
    /// Whether a device that loses something would reach less than it does now: what a change gives
    /// for a time only, nobody has to be warned of losing again.
    fn less_than_now(&self, id: DeviceId, device: &DeviceOutlook) -> bool {
        let [now, then] = [self.outlook.access_now(id), device.access_after()];
        let [now, then] = [now, then].map(|compiled| compiled.map(|c| c.access()));
        Direction::between(now, then).loses
    }

    /// What to think about before these events happen.
    pub(super) fn warnings(&self, events: &[Event]) -> Vec<Warning> {
        let losing = self.pairs.iter().filter(|pair| pair.direction.loses);
        let losing: Vec<_> = losing.flat_map(|pair| &pair.devices).collect();
        let own: Vec<DeviceId> = losing
            .iter()
            .filter(|(_, device)| device.belongs_to(self.asker.user))
            .filter(|(id, device)| self.less_than_now(*id, device))
            .map(|(id, _)| *id)
            .collect();
        let through: Vec<DeviceId> = losing
            .iter()
            .filter(|(_, device)| {
                let before = device.before.as_ref();
                let mut addresses = before.into_iter().flat_map(|d| d.addresses.iter());
                self.asker.address.is_some_and(|from| addresses.any(|own| own == from))
            })
            .filter(|(id, device)| self.less_than_now(*id, device))
            .map(|(id, _)| *id)
            .collect();
        let has_any =
            |id: &DeviceId| self.outlook.access_now(*id).is_some_and(|a| a.opens_anything());
        let mut emptied: Vec<DeviceId> = self.emptied.iter().copied().filter(has_any).collect();
        emptied.sort_unstable();
        let mut warnings = Vec::new();
        let mut warn = |code, message: String, devices: Vec<DeviceId>| {
            let total = devices.len();
            warnings.push(Warning {
                code,
                message,
                devices: List::first(devices, total, self.limit),
            });
        };
        if events.iter().any(|event| closes(event, self.asker.user)) {
            let message = "this closes your own account: you would be signed out at once";
            warn(WarningCode::OwnAccountClosed, message.into(), vec![]);
        }
        if !through.is_empty() {
            let message = "your request came through a device that would reach less: you may not \
                           be able to come back";
            warn(WarningCode::OwnConnectionAtRisk, message.into(), through);
        }
        if !own.is_empty() {
            let n = own.len();
            let message = format!(
                "you would lose access yourself: {n} of your own devices would not reach something \
                 that they reach now"
            );
            warn(WarningCode::OwnAccessLost, message, own);
        }
        if !emptied.is_empty() {
            let n = emptied.len();
            let devices = if n == 1 { "1 device".into() } else { format!("{n} devices") };
            let message = format!("{devices} would lose everything that policies open to them");
            warn(WarningCode::EverythingLost, message, emptied);
        }
        warnings
    }
}

/// Whether an event closes somebody's account.
fn closes(event: &Event, user: UserId) -> bool {
    matches!(
        event,
        Event::User(id, UserEvent::Disabled {} | UserEvent::Deleted {} | UserEvent::Erased {})
            if *id == user
    )
}
