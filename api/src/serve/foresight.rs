//! What the write side asks the fleet.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_commands::Foresight;
use nexavpn_domain::{
    Event,
    fleet::{Outlook, Oversized},
    gateway::GatewayFields,
    ids::GatewayId,
};
use nexavpn_gateway_projector::{FleetHandle, FleetStatus, Waited};

/// How long to wait for the fleet to have folded what a request saw. It is a millisecond at most behind
/// what its own process appends; the database is asked where that takes longer.
const PATIENCE: Duration = Duration::from_millis(20);

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

    async fn gateway_for_new(
        &self,
        log_end: i64,
        wish: Option<GatewayId>,
        address: Option<IpAddr>,
    ) -> Option<(GatewayId, GatewayFields)> {
        if self.0.wait_for(log_end, Instant::now() + PATIENCE).await != Waited::Reached {
            return None;
        }
        self.0.read(|fleet| {
            let (id, gateway) = fleet.gateway_for_new(wish, address)?;
            Some((id, gateway.fields.clone()))
        })
    }
}
