//! Where a new device goes: its gateway and its address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use nexavpn_domain::{
    DomainError,
    event::ClaimKind,
    gateway::{Gateway, GatewayFields},
    ids::GatewayId,
};
use nexavpn_store::{Reserved, SlotError, SlotRequest};
use uuid::Uuid;

use crate::{CommandError, Commands};

/// The places that a command reserved in its attempts.
#[derive(Default)]
pub(super) struct Places(Mutex<Vec<Uuid>>);

impl Places {
    pub(super) fn note(&self, place: Reserved) {
        // A panic elsewhere leaves the list usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(place.token);
    }

    /// Gives back at once what was not turned into a held place: all but the last of a command
    /// that happened. The held one no longer answers to its token.
    pub(super) async fn give_back(self, commands: &Commands, happened: bool) {
        let tokens = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        for token in tokens.iter().rev().skip(usize::from(happened)) {
            // What stays reserved runs out by itself; the answer follows the commit.
            if let Err(error) = commands.store.release_reservation(*token).await {
                tracing::warn!(%error, "a reserved address was not given back");
            }
        }
    }
}

impl Commands {
    pub(super) async fn reserve(
        &self,
        id: GatewayId,
        gateway: &GatewayFields,
        wanted: Option<IpAddr>,
    ) -> Result<Reserved, CommandError> {
        let wanted = match wanted.map(|ip| gateway.pool.slot_of(ip)) {
            None => None,
            Some(Some(slot)) => Some(slot),
            Some(None) => return Err(SlotError::OutOfPool.into()),
        };
        let ttl = self.settings.reservation_lifetime;
        let request = SlotRequest {
            gateway: id,
            pool: &gateway.pool,
            wanted,
            never: &gateway.dns_servers,
            ttl,
        };
        Ok(self.store.reserve_slot(request).await?)
    }

    /// The wished gateway, or the one with the fewest devices among those with a key and, where one
    /// is wished, the address.
    pub(super) async fn choose_gateway(
        &self,
        wish: Option<GatewayId>,
        address: Option<IpAddr>,
    ) -> Result<(GatewayId, GatewayFields), CommandError> {
        if let Some(id) = wish {
            let gateway = self.store.load::<Gateway>(id.0).await?;
            let Some(fields) = gateway.state.fields() else {
                return Err(DomainError::field("gateway_id", "there is no such gateway").into());
            };
            if gateway.state.public_key().is_none() {
                return Err(not_ready().into());
            }
            return Ok((id, fields.clone()));
        }
        let mut any = false;
        for id in self.gateways_by_devices().await? {
            let gateway = self.store.load::<Gateway>(id.0).await?;
            let Some(fields) = gateway.state.fields() else { continue };
            if address.is_some_and(|ip| fields.pool.slot_of(ip).is_none()) {
                continue;
            }
            any = true;
            if gateway.state.public_key().is_some() {
                return Ok((id, fields.clone()));
            }
        }
        Err(if any {
            not_ready()
        } else if address.is_some() {
            return Err(SlotError::OutOfPool.into());
        } else {
            DomainError::conflict("no_gateway", "there is no gateway yet: an admin creates one")
        }
        .into())
    }

    /// The gateways, the one with the fewest devices first.
    async fn gateways_by_devices(&self) -> Result<Vec<GatewayId>, CommandError> {
        let sql = "SELECT aggregate_id FROM claims WHERE kind = $1";
        let ids: Vec<String> = sqlx::query_scalar(sql)
            .bind(ClaimKind::GatewayName.as_str())
            .fetch_all(&self.pool)
            .await?;
        let mut ids: Vec<GatewayId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        // Counting takes as long as there are devices.
        if ids.len() > 1 {
            let counts: Vec<(Uuid, i64)> =
                sqlx::query_as("SELECT gateway_id, count(*) FROM device_index GROUP BY gateway_id")
                    .fetch_all(&self.pool)
                    .await?;
            let counts: HashMap<Uuid, i64> = counts.into_iter().collect();
            ids.sort_unstable_by_key(|id| (counts.get(&id.0).copied().unwrap_or(0), *id));
        }
        Ok(ids)
    }
}

fn not_ready() -> DomainError {
    DomainError::conflict(
        "gateway_not_ready",
        "the gateway has no WireGuard key yet: let its node join first",
    )
}
