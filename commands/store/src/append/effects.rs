//! What the events of an append do to claims and slots, all told.

use nexavpn_domain::{ClaimKind, Effect, ids::DeviceId};

use super::{Append, Reservation};
use crate::{AppendError, Keyring};

/// A claim to be taken, with its key as stored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Take {
    pub(crate) kind: ClaimKind,
    pub(crate) key: String,
    pub(crate) aggregate_type: &'static str,
    pub(crate) aggregate_id: String,
}

/// A network to be taken.
#[derive(Clone)]
pub(crate) struct TakePool {
    pub(crate) network: String,
    pub(crate) aggregate_type: &'static str,
    pub(crate) aggregate_id: String,
}

/// The sum of an append's effects.
#[derive(Clone, Default)]
pub(crate) struct Effects {
    /// Kind and holder of claims to be given up, before anything is taken.
    pub(crate) releases: Vec<(ClaimKind, &'static str, String)>,
    /// In (kind, key) order, so that two appends never wait for each other in a circle.
    pub(crate) takes: Vec<Take>,
    pub(crate) pools: Vec<TakePool>,
    pub(crate) holds: Vec<Reservation>,
    pub(crate) frees: Vec<DeviceId>,
}

impl Effects {
    /// # Errors
    /// [`AppendError::ReservationLost`] where an event takes an address without a reservation.
    pub(crate) fn of(append: &Append, keyring: &Keyring) -> Result<Self, AppendError> {
        let mut sum = Self::default();
        for stream in &append.streams {
            let holder = stream.aggregate_id.to_string();
            for effect in stream.events.iter().flat_map(|e| &e.effects) {
                match effect {
                    Effect::Release(kind) => {
                        // What the same append took and gives up again is never written.
                        sum.takes.retain(|t| t.kind != *kind || t.aggregate_id != holder);
                        if *kind == ClaimKind::Pool {
                            sum.pools.retain(|p| p.aggregate_id != holder);
                        }
                        sum.releases.push((*kind, stream.aggregate_type, holder.clone()));
                    }
                    Effect::Take(claim) => {
                        if let Some(key) = &claim.key {
                            sum.takes.push(Take {
                                kind: claim.kind,
                                key: stored_key(keyring, claim.kind, key),
                                aggregate_type: stream.aggregate_type,
                                aggregate_id: holder.clone(),
                            });
                        }
                    }
                    Effect::TakePool(pool) => {
                        sum.pools.extend(pool.networks().map(|n| TakePool {
                            network: n.to_string(),
                            aggregate_type: stream.aggregate_type,
                            aggregate_id: holder.clone(),
                        }));
                    }
                    Effect::HoldSlot { gateway, slot } => {
                        let device = DeviceId(stream.aggregate_id);
                        let reservation = append.reservations.iter().find(|r| {
                            r.gateway == *gateway && r.slot == *slot && r.device == device
                        });
                        sum.holds.push(*reservation.ok_or(AppendError::ReservationLost)?);
                    }
                    Effect::FreeSlot => sum.frees.push(DeviceId(stream.aggregate_id)),
                }
            }
        }
        sum.takes.sort();
        sum.pools.sort_by(|a, b| a.network.cmp(&b.network));
        Ok(sum)
    }

    /// With whom the append may share a transaction; none for one that does both, or that gives up
    /// what the rest of the table has to be looked at for.
    pub(crate) fn company(&self) -> Option<Company> {
        if !self.gives_up() {
            return Some(Company::Adding);
        }
        let hard = |kind| matches!(kind, ClaimKind::Admin | ClaimKind::Pool);
        let adds = !self.takes.is_empty() || !self.holds.is_empty() || !self.pools.is_empty();
        let alone = adds || self.releases.iter().any(|(kind, ..)| hard(*kind));
        (!alone).then_some(Company::GivingUp)
    }

    /// Whether others may take what the append gives up.
    pub(crate) const fn gives_up(&self) -> bool {
        !self.releases.is_empty() || !self.frees.is_empty()
    }
}

/// Appends that can share a transaction: none of them can depend on what another one of them gives
/// up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    /// Those that give up nothing.
    Adding,
    /// Those that take nothing.
    GivingUp,
}

/// A claim's key as stored.
pub(crate) fn stored_key(keyring: &Keyring, kind: ClaimKind, key: &str) -> String {
    if kind.is_personal() { keyring.claims_hmac(kind, key) } else { key.to_owned() }
}
