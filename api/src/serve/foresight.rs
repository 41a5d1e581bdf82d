//! The write side asks the fleet what events would come to.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_commands::Foresight;
use nexavpn_domain::{
    Event,
    fleet::{Outlook, Oversized},
};
use nexavpn_gateway_projector::{FleetHandle, FleetStatus};

/// Tells from the fleet of this process.
pub(super) struct FromFleet(pub(super) FleetHandle);

#[async_trait]
impl Foresight for FromFleet {
    async fn oversized(
        &self,
        events: Vec<Event>,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Option<Oversized> {
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
            Outlook::try_out(excerpt, &events, now).oversized(limit)
        });
        match told.await {
            Ok(oversized) => oversized,
            Err(error) => {
                tracing::error!(%error, "what a change comes to at the devices cannot be told");
                None
            }
        }
    }
}
