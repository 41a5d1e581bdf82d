//! What of a server is there already, and what stands in its way.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use nexavpn_domain::{
    Problems,
    device::Device,
    event::{Claim, ClaimKind},
    gateway::{Gateway, GatewayFields},
    ids::{GatewayId, UserId},
    user::User,
    values::{Pool, PublicKey, Slot},
};
use nexavpn_store::Loaded;
use uuid::Uuid;

use super::{
    Standing,
    input::{Client, Input},
};
use crate::{CommandError, Commands, transact::fresh};

/// Where clients are to go.
#[derive(Clone, Copy)]
struct At<'a> {
    gateway_id: GatewayId,
    pool: Pool,
    /// Addresses that no device may have.
    never: &'a [IpAddr],
}

/// A server for which nothing stands in the way.
pub(super) struct Found<'a> {
    pub(super) owner: UserId,
    pub(super) gateway_id: GatewayId,
    /// As it is; nothing of a new one.
    pub(super) gateway: Loaded<Gateway>,
    pub(super) fields: GatewayFields,
    pub(super) public_key: PublicKey,
    /// Each with its place in the pool.
    pub(super) clients: Vec<(&'a Client, Standing, Slot)>,
}

impl Commands {
    /// Looks at everything, so that all that stands in the way is told at once.
    pub(super) async fn find_standing<'a>(
        &self,
        input: &'a Input,
    ) -> Result<Found<'a>, CommandError> {
        let mut problems = input.problems.clone();
        let owner = self.find_owner(&input.owner, &mut problems).await?;
        let (gateway_id, gateway) = self.find_gateway(input, &mut problems).await?;
        let fields = match gateway.state.fields() {
            Some(fields) => Some(fields.clone()),
            // Only a new gateway needs them.
            None => {
                problems.add_all(&input.gateway_problems);
                input.gateway.clone()
            }
        };
        let mut clients = Vec::new();
        let pool = fields.as_ref().map(|fields| fields.pool).or(input.pool);
        if let (Some(owner), Some(pool)) = (owner, pool) {
            let never = fields.as_ref().map_or(&[][..], |fields| &fields.dns_servers);
            let at = At { gateway_id, pool, never };
            clients = self.find_clients(&input.clients, owner, at, &mut problems).await?;
        }
        problems.finish()?;
        let (Some(owner), Some(fields), Some(public_key)) =
            (owner, fields, input.public_key.clone())
        else {
            return Err(nexavpn_domain::DomainError::field("gateway", "is required").into());
        };
        Ok(Found { owner, gateway_id, gateway, fields, public_key, clients })
    }

    async fn find_owner(
        &self,
        name: &str,
        problems: &mut Problems,
    ) -> Result<Option<UserId>, CommandError> {
        let claim = Claim::folded(ClaimKind::Username, Some(name.trim()));
        let Some(id) = self.claim_holder(&claim).await? else {
            problems.add("owner", format!("there is no user {name:?}"));
            return Ok(None);
        };
        if !self.store.load::<User>(id).await?.state.is_enabled() {
            problems.add("owner", format!("the user {name:?} is disabled: enable the user first"));
            return Ok(None);
        }
        Ok(Some(UserId(id)))
    }

    /// The gateway of this name, or a new one; and what speaks against it.
    async fn find_gateway(
        &self,
        input: &Input,
        problems: &mut Problems,
    ) -> Result<(GatewayId, Loaded<Gateway>), CommandError> {
        let name = &input.gateway_name;
        let claim = Claim::folded(ClaimKind::GatewayName, Some(name));
        let by_name = self.claim_holder(&claim).await?;
        let key_holder = match &input.public_key {
            Some(key) => self.claim_holder(&Claim::public_key(key)).await?,
            None => None,
        };
        if let Some(holder) = key_holder.filter(|holder| Some(*holder) != by_name) {
            let gateway = self.store.load::<Gateway>(holder).await?.state;
            let why = match gateway.fields() {
                Some(fields) => {
                    format!("is that of the gateway {:?} already: name that one", fields.name)
                }
                None => "is or was in use by something else: keys are never used twice".to_owned(),
            };
            problems.add("server's public key", why);
        }
        let Some(id) = by_name else {
            if let Some(pool) = &input.pool {
                self.find_overlaps(pool, problems).await?;
            }
            return Ok((GatewayId(self.new_id()), fresh()));
        };
        let gateway = self.store.load::<Gateway>(id).await?;
        if let Some(key) =
            gateway.state.public_key().filter(|k| Some(*k) != input.public_key.as_ref())
        {
            problems.add(
                "gateway",
                format!("{name:?} has another WireGuard key, {key}: name another gateway"),
            );
        }
        if let (Some(fields), Some(wanted)) = (gateway.state.fields(), &input.pool)
            && (fields.pool.v4 != wanted.v4 || wanted.v6.is_some() && fields.pool.v6 != wanted.v6)
        {
            problems.add(
                "gateway",
                format!(
                    "{name:?} has the pool {}, and the server {}: name another gateway",
                    networks(&fields.pool),
                    networks(wanted)
                ),
            );
        }
        if gateway.state.drain().is_some() {
            problems.add("gateway", format!("{name:?} is being drained: end the drain first"));
        }
        Ok((GatewayId(id), gateway))
    }

    /// Which gateways' pools are in the way of a new one.
    async fn find_overlaps(
        &self,
        pool: &Pool,
        problems: &mut Problems,
    ) -> Result<(), CommandError> {
        let networks: Vec<String> = pool.networks().map(|network| network.to_string()).collect();
        let holders: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT aggregate_id FROM pool_claims
             WHERE network && ANY ($1::text[]::inet[]) ORDER BY 1",
        )
        .bind(networks)
        .fetch_all(&self.pool)
        .await?;
        for id in holders.iter().filter_map(|id| id.parse::<Uuid>().ok()) {
            let other = self.store.load::<Gateway>(id).await?.state;
            let other = other.fields().map(|fields| fields.name.clone()).unwrap_or_default();
            let own = self::networks(pool);
            problems.add(
                "gateway",
                format!("the server's pool {own} overlaps that of the gateway {other:?}"),
            );
        }
        Ok(())
    }

    async fn find_clients<'a>(
        &self,
        clients: &'a [Client],
        owner: UserId,
        At { gateway_id, pool, never }: At<'_>,
        problems: &mut Problems,
    ) -> Result<Vec<(&'a Client, Standing, Slot)>, CommandError> {
        let keys: Vec<String> = clients.iter().map(|c| c.public_key.to_string()).collect();
        let holders = self.claim_holders(ClaimKind::PublicKey, &keys).await?;
        let mut found = Vec::with_capacity(clients.len());
        for (client, key) in clients.iter().zip(&keys) {
            let slot = pool.slot_of(client.v4.into());
            let Some(slot) = slot.filter(|_| !never.contains(&client.v4.into())) else {
                let pool = networks(&pool);
                problems.add(
                    &client.label,
                    format!("its address is none that a device of the pool {pool} may have"),
                );
                continue;
            };
            let standing = match holders.get(key) {
                None => Some(Standing::New),
                Some(holder) => {
                    let device = self.store.load::<Device>(*holder).await?.state;
                    let same = device.owner() == Some(owner)
                        && device.gateway_id() == Some(gateway_id)
                        && device.public_key() == Some(&client.public_key);
                    let there = if device.exists() { Standing::Present } else { Standing::Gone };
                    same.then_some(there)
                }
            };
            match standing {
                Some(standing) => found.push((client, standing, slot)),
                None => problems.add(
                    &client.label,
                    "its public key is or was that of another device: keys are never used twice",
                ),
            }
        }
        self.free_names(&found, owner, problems).await?;
        self.free_addresses(&found, gateway_id, problems).await?;
        Ok(found)
    }

    async fn free_names(
        &self,
        clients: &[(&Client, Standing, Slot)],
        owner: UserId,
        problems: &mut Problems,
    ) -> Result<(), CommandError> {
        let named = |client: &Client| {
            let name = format!("{owner}/{}", client.name);
            self.claim_key(&Claim::folded(ClaimKind::DeviceName, Some(&name))).unwrap_or_default()
        };
        let new = || clients.iter().filter(|(_, standing, _)| *standing == Standing::New);
        let keys: Vec<String> = new().map(|(client, ..)| named(client)).collect();
        let taken: HashMap<String, Uuid> = self.claim_holders(ClaimKind::DeviceName, &keys).await?;
        for ((client, ..), _) in new().zip(&keys).filter(|(_, key)| taken.contains_key(*key)) {
            let why = "the owner has another device of this name: rename one of them";
            problems.add(&client.label, why);
        }
        Ok(())
    }

    async fn free_addresses(
        &self,
        clients: &[(&Client, Standing, Slot)],
        gateway: GatewayId,
        problems: &mut Problems,
    ) -> Result<(), CommandError> {
        let new = || clients.iter().filter(|(_, standing, _)| *standing == Standing::New);
        let slots: Vec<Slot> = new().map(|(.., slot)| *slot).collect();
        let occupied = self.store.occupied_slots(gateway, &slots).await?;
        let occupied: HashSet<Slot> = occupied.into_iter().collect();
        for (client, ..) in new().filter(|(.., slot)| occupied.contains(slot)) {
            let why = "its address is in use at this gateway, or rests after a revocation";
            problems.add(&client.label, why);
        }
        Ok(())
    }
}

fn networks(pool: &Pool) -> String {
    pool.networks().map(|network| network.to_string()).collect::<Vec<_>>().join(" and ")
}
