//! Where a device goes: its gateway and its address.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use nexavpn_domain::{
    DomainError,
    device::DeviceCommand,
    gateway::GatewayFields,
    ids::{DeviceId, GatewayId},
};
use nexavpn_store::{Reservation, Reserved, SlotError, SlotRequest};
use uuid::Uuid;

use super::gateways::Load;
use crate::{CommandError, Commands, Request, rows::MoveDevice, transact::Plan};

/// The places that a command reserved in its attempts.
#[derive(Default)]
pub(crate) struct Places(Mutex<Attempts>);

#[derive(Default)]
struct Attempts {
    before: Vec<Uuid>,
    last: Vec<Uuid>,
}

impl Places {
    /// Begins another attempt: what was reserved for the one before is of no use.
    pub(crate) fn begin(&self) {
        let Attempts { before, last } = &mut *self.attempts();
        before.append(last);
    }

    pub(crate) fn note(&self, place: Reserved) {
        self.attempts().last.push(place.token);
    }

    fn attempts(&self) -> std::sync::MutexGuard<'_, Attempts> {
        // A panic elsewhere leaves the lists usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back at once what was not turned into held places: all but those of the last attempt
    /// of a command that happened.
    pub(crate) async fn give_back(self, commands: &Commands, happened: bool) {
        let attempts = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let last = attempts.last.iter().filter(|_| !happened);
        for token in attempts.before.iter().chain(last) {
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

    /// The same as [`choose_gateway`](Self::choose_gateway) where that is known without asking: as of
    /// what the log had when the request came, or later. Whether the gateway is still there and is
    /// not drained is seen to by the append.
    pub(super) async fn known_gateway(
        &self,
        request: &Request,
        wish: Option<GatewayId>,
        address: Option<IpAddr>,
    ) -> Option<(GatewayId, GatewayFields)> {
        let foresight = self.foresight.as_ref()?;
        foresight.gateway_for_new(request.log_end?, wish, address).await
    }

    /// The wished gateway, or the one with the fewest devices among those with a key and, where one
    /// is wished, the address. One that is drained is not chosen.
    pub(super) async fn choose_gateway(
        &self,
        wish: Option<GatewayId>,
        address: Option<IpAddr>,
    ) -> Result<(GatewayId, GatewayFields), CommandError> {
        if let Some(id) = wish {
            return Ok((id, self.wished_gateway(id).await?));
        }
        let mut any = false;
        for Load { id, .. } in self.gateway_loads().await? {
            let gateway = self.gateway(id).await?;
            let Some(fields) = gateway.fields() else { continue };
            if address.is_some_and(|ip| fields.pool.slot_of(ip).is_none()) {
                continue;
            }
            any = true;
            if gateway.public_key().is_some() {
                return Ok((id, fields.clone()));
            }
        }
        if any {
            return Err(not_ready().into());
        }
        let drained: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM gateway_drain)")
            .fetch_one(&self.pool)
            .await?;
        Err(if drained {
            let why = "every gateway that could have the device is being drained: end a drain, or \
                       create another gateway";
            DomainError::conflict("gateway_draining", why)
        } else if address.is_some() {
            return Err(SlotError::OutOfPool.into());
        } else {
            DomainError::conflict("no_gateway", "there is no gateway yet: an admin creates one")
        }
        .into())
    }

    /// A gateway that devices can be given to.
    pub(super) async fn wished_gateway(
        &self,
        id: GatewayId,
    ) -> Result<GatewayFields, CommandError> {
        let gateway = self.gateway(id).await?;
        let Some(fields) = gateway.fields() else {
            return Err(DomainError::field("gateway_id", "there is no such gateway").into());
        };
        if gateway.public_key().is_none() {
            return Err(not_ready().into());
        }
        if gateway.drain().is_some() {
            let why = "the gateway is being drained: choose another one, or end the drain";
            return Err(DomainError::conflict("gateway_draining", why).into());
        }
        Ok(fields.clone())
    }

    /// Reserves a place for a device at another gateway, and notes what else comes with it.
    pub(crate) async fn plan_gateway<T>(
        &self,
        plan: &mut Plan<T>,
        device: DeviceId,
        from: GatewayId,
        (to, gateway): (GatewayId, &GatewayFields),
        address: Option<IpAddr>,
        places: &Places,
    ) -> Result<DeviceCommand, CommandError> {
        let place = self.reserve(to, gateway, address).await?;
        places.note(place);
        let Reserved { token, slot } = place;
        let addresses = gateway.pool.addresses(slot).ok_or(SlotError::OutOfPool)?;
        plan.hold(Reservation { token: Some(token), gateway: to, slot, device });
        plan.row(MoveDevice { device_id: device, from, to });
        Ok(DeviceCommand::ChangeGateway { gateway_id: to, slot, addresses })
    }

    /// The gateways that are not drained, the one with the fewest devices first.
    pub(crate) async fn gateway_loads(&self) -> Result<Vec<Load>, CommandError> {
        Ok(self.gateways.loads.get(()).await?.unwrap_or_default())
    }
}

fn not_ready() -> DomainError {
    DomainError::conflict(
        "gateway_not_ready",
        "the gateway has no WireGuard key yet: let its node join first",
    )
}
