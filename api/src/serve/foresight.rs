//! The write side asks the fleet what events would come to.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_commands::{Foresight, Largest};
use nexavpn_domain::{Event, fleet::Outlook};
use nexavpn_gateway_projector::{FleetHandle, FleetStatus};

/// Tells from the fleet of this process.
pub(super) struct FromFleet(pub(super) FleetHandle);

#[async_trait]
impl Foresight for FromFleet {
    async fn largest(
        &self,
        events: Vec<Event>,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Option<Largest> {
        if self.0.status() != FleetStatus::Live {
            return None;
        }
        if !self.0.read(|fleet| fleet.could_exceed(&events, limit)) {
            return None;
        }
        let fleet = self.0.clone();
        // Everybody's access may have to be worked out.
        let told = tokio::task::spawn_blocking(move || {
            let excerpt = fleet.read(|fleet| fleet.excerpt(&events));
            let largest = Outlook::try_out(excerpt, &events, now).oversized(limit);
            largest.map(|(device, boxes)| Largest { device, boxes })
        });
        match told.await {
            Ok(largest) => largest,
            Err(error) => {
                tracing::error!(%error, "what a change comes to at the devices cannot be told");
                None
            }
        }
    }
}
