//! What is known of all devices together, and what events would come to at them: asked before these
//! are stored.

use std::net::IpAddr;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use nexavpn_domain::{
    DomainError, Event, device::DeviceEvent, fleet::Oversized, gateway::GatewayFields,
    group::GroupEvent, ids::GatewayId,
};
use nexavpn_store::{Actor, Stream};

use crate::{CommandError, Commands, Request, transact::events_of};

/// Knows everything at once. The write side knows single aggregates only.
#[async_trait]
pub trait Foresight: Send + Sync {
    /// The device whose profile would have more firewall boxes than `limit`, at once or when the
    /// time comes for what the events are about, and more than without them; none where there is
    /// no such device, or where nobody can tell just now.
    async fn oversized(
        &self,
        events: Vec<Event>,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Option<Oversized>;

    /// The gateway that a new device goes to, as of the event `log_end` or later: the wished one, or
    /// the one with the fewest devices that has the wished address in its pool. It has a key and is
    /// not drained. None where there is no such gateway, or where nobody can tell just now.
    async fn gateway_for_new(
        &self,
        log_end: i64,
        wish: Option<GatewayId>,
        address: Option<IpAddr>,
    ) -> Option<(GatewayId, GatewayFields)>;
}

impl Commands {
    /// Refuses what would be too much for the firewall of some device's gateway: each policy by
    /// itself is small enough, all those of a device together may not be.
    ///
    /// It is asked of the present as this process knows it; of two changes at the same time each
    /// may fit without the other. The clock is not refused: what falls due, happens. That is why a
    /// policy that waits for its time has to fit for that time, too, as far as it is known now:
    /// with the policies that are in force, not with others that wait.
    pub(crate) async fn fits_devices(
        &self,
        request: &Request,
        streams: &[Stream],
    ) -> Result<(), CommandError> {
        let Some(foresight) = &self.foresight else { return Ok(()) };
        if matches!(request.actor, Actor::System(_)) {
            return Ok(());
        }
        let events = events_of(streams)?;
        if !events.iter().any(may_enlarge) {
            return Ok(());
        }
        let limit = self.settings.max_profile_boxes;
        let oversized = foresight.oversized(events, self.now(), limit).await;
        let Some(Oversized { device, boxes, at }) = oversized else {
            return Ok(());
        };
        let at = at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let from = at.map(|at| format!(" from {at} on")).unwrap_or_default();
        let message = format!(
            "all policies of device {device} together would come to {boxes} firewall entries{from}, \
             the limit is {limit}: use larger networks, wider port ranges, or fewer policies for it"
        );
        Err(DomainError::conflict("profile_too_large", message).into())
    }
}

/// Whether an event can give anybody more firewall boxes.
const fn may_enlarge(event: &Event) -> bool {
    match event {
        // A denial that goes leaves fewer boxes, but what it denied may be in many.
        Event::Policy(_, _) => true,
        Event::Group(_, event) => match event {
            GroupEvent::MemberAdded { .. }
            | GroupEvent::MemberRemoved { .. }
            | GroupEvent::Deleted {} => true,
            // Its members come after it.
            GroupEvent::Restored { .. }
            | GroupEvent::Created { .. }
            | GroupEvent::Renamed { .. }
            | GroupEvent::DescriptionChanged { .. } => false,
        },
        Event::Device(_, event) => {
            matches!(event, DeviceEvent::Enrolled { .. } | DeviceEvent::OwnerChanged { .. })
        }
        Event::User(..)
        | Event::Gateway(..)
        | Event::Session(..)
        | Event::Security(..)
        | Event::Webhook(..) => false,
    }
}
