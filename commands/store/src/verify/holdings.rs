//! Who holds what, by the events; and by the tables.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use nexavpn_domain::{ClaimKind, Effect};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Keyring, append::stored_key};

/// Aggregate type and id.
type Holder = (String, String);

/// Claims, pools and slots as the events leave them.
#[derive(Default)]
pub(super) struct Holdings {
    /// A key is unknown where it was personal and has been erased.
    claims: HashMap<Holder, Vec<(ClaimKind, Option<String>)>>,
    pools: HashMap<Holder, HashSet<(IpAddr, u8)>>,
    slots: HashMap<Uuid, (Uuid, i64)>,
}

impl Holdings {
    pub(super) fn apply(&mut self, effect: &Effect, of: &str, id: &str, keyring: &Keyring) {
        let holder = (of.to_owned(), id.to_owned());
        match effect {
            Effect::Release(ClaimKind::Pool) => {
                self.pools.remove(&holder);
            }
            Effect::Release(kind) => {
                if let Some(claims) = self.claims.get_mut(&holder) {
                    claims.retain(|(k, _)| k != kind);
                }
            }
            Effect::Take(claim) => {
                let key = claim.key.as_ref().map(|k| stored_key(keyring, claim.kind, k));
                self.claims.entry(holder).or_default().push((claim.kind, key));
            }
            Effect::TakePool(pool) => {
                let networks = pool.networks().map(|n| (n.ip(), n.prefix()));
                self.pools.entry(holder).or_default().extend(networks);
            }
            Effect::HoldSlot { gateway, slot } => {
                if let Ok(device) = id.parse() {
                    self.slots.insert(device, (gateway.0, i64::from(*slot)));
                }
            }
            Effect::FreeSlot => {
                if let Ok(device) = id.parse() {
                    self.slots.remove(&device);
                }
            }
        }
    }

    pub(super) async fn compare(
        self,
        conn: &mut PgConnection,
        problems: &mut Vec<String>,
    ) -> Result<(), sqlx::Error> {
        compare_claims(self.claims, conn, problems).await?;
        compare_pools(self.pools, conn, problems).await?;
        compare_slots(self.slots, conn, problems).await
    }
}

async fn compare_claims(
    expected: HashMap<Holder, Vec<(ClaimKind, Option<String>)>>,
    conn: &mut PgConnection,
    problems: &mut Vec<String>,
) -> Result<(), sqlx::Error> {
    let rows: Vec<(String, String, String, String)> =
        sqlx::query_as("SELECT aggregate_type, aggregate_id, kind, key FROM claims")
            .fetch_all(conn)
            .await?;
    let mut stored: HashMap<Holder, Vec<(String, String)>> = HashMap::new();
    for (of, id, kind, key) in rows {
        stored.entry((of, id)).or_default().push((kind, key));
    }
    for (holder, mut claims) in expected {
        let held = stored.entry(holder.clone()).or_default();
        // Those that are known first, so that what is left can be that of the unknown ones.
        claims.sort_by_key(|(_, key)| key.is_none());
        for (kind, key) in claims {
            let same = |(k, v): &(String, String)| {
                k == kind.as_str() && key.as_ref().is_none_or(|key| key == v)
            };
            match held.iter().position(same) {
                Some(found) => drop(held.swap_remove(found)),
                None => {
                    let (of, id) = &holder;
                    problems.push(format!("{of} {id} lacks its claim {}", kind.as_str()));
                }
            }
        }
    }
    for ((of, id), held) in stored {
        for (kind, _) in held {
            problems.push(format!("{of} {id} has a claim {kind} that no event took"));
        }
    }
    Ok(())
}

async fn compare_pools(
    expected: HashMap<Holder, HashSet<(IpAddr, u8)>>,
    conn: &mut PgConnection,
    problems: &mut Vec<String>,
) -> Result<(), sqlx::Error> {
    let rows: Vec<(String, String, String, i32)> = sqlx::query_as(
        "SELECT aggregate_type, aggregate_id, host(network), masklen(network) FROM pool_claims",
    )
    .fetch_all(conn)
    .await?;
    let mut stored: HashMap<Holder, HashSet<(IpAddr, u8)>> = HashMap::new();
    for (of, id, address, prefix) in rows {
        match (address.parse(), u8::try_from(prefix)) {
            (Ok(address), Ok(prefix)) => {
                stored.entry((of, id)).or_default().insert((address, prefix));
            }
            _ => problems.push(format!("{of} {id} has a pool {address}/{prefix}")),
        }
    }
    let holders: HashSet<&Holder> = expected.keys().chain(stored.keys()).collect();
    for holder in holders {
        if expected.get(holder) != stored.get(holder) {
            let (of, id) = holder;
            problems.push(format!("the pool of {of} {id} is not that of its events"));
        }
    }
    Ok(())
}

async fn compare_slots(
    mut expected: HashMap<Uuid, (Uuid, i64)>,
    conn: &mut PgConnection,
    problems: &mut Vec<String>,
) -> Result<(), sqlx::Error> {
    let rows: Vec<(Uuid, Uuid, i64)> =
        sqlx::query_as("SELECT held_by, gateway_id, slot FROM ip_slot WHERE held_by IS NOT NULL")
            .fetch_all(conn)
            .await?;
    for (device, gateway, slot) in rows {
        match expected.remove(&device) {
            Some(held) if held == (gateway, slot) => {}
            Some((at, held)) => problems.push(format!(
                "device {device} holds slot {slot} of {gateway}, not {held} of {at}"
            )),
            None => problems
                .push(format!("device {device} holds slot {slot} of {gateway} that no event gave")),
        }
    }
    for (device, (gateway, slot)) in expected {
        problems.push(format!("device {device} lacks slot {slot} of {gateway}"));
    }
    Ok(())
}
