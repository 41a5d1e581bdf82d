//! Where a new device goes: its gateway and its address.

use nexavpn_domain::{
    DomainError,
    event::ClaimKind,
    gateway::{Gateway, GatewayFields},
    ids::GatewayId,
};
use nexavpn_store::{Reserved, SlotRequest};

use crate::{CommandError, Commands};

impl Commands {
    pub(super) async fn reserve(
        &self,
        id: GatewayId,
        gateway: &GatewayFields,
    ) -> Result<Reserved, CommandError> {
        let ttl = self.settings.reservation_lifetime;
        let request = SlotRequest {
            gateway: id,
            pool: &gateway.pool,
            wanted: None,
            never: &gateway.dns_servers,
            ttl,
        };
        Ok(self.store.reserve_slot(request).await?)
    }

    /// The wished gateway, or the one with the fewest devices among those with a key.
    pub(super) async fn choose_gateway(
        &self,
        wish: Option<GatewayId>,
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
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT c.aggregate_id FROM claims c
             WHERE c.kind = $1
             ORDER BY (SELECT count(*) FROM device_index d
                       WHERE d.gateway_id = c.aggregate_id::uuid), c.aggregate_id",
        )
        .bind(ClaimKind::GatewayName.as_str())
        .fetch_all(&self.pool)
        .await?;
        let mut any = false;
        for id in ids.iter().filter_map(|id| id.parse::<GatewayId>().ok()) {
            let gateway = self.store.load::<Gateway>(id.0).await?;
            let Some(fields) = gateway.state.fields() else { continue };
            any = true;
            if gateway.state.public_key().is_some() {
                return Ok((id, fields.clone()));
            }
        }
        Err(if any {
            not_ready()
        } else {
            DomainError::conflict("no_gateway", "there is no gateway yet: an admin creates one")
        }
        .into())
    }
}

fn not_ready() -> DomainError {
    DomainError::conflict(
        "gateway_not_ready",
        "the gateway has no WireGuard key yet: let its node join first",
    )
}
