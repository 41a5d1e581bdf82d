//! Addresses: reserved before a command, held inside its append, resting after a release.

mod ahead;
mod hold;
mod reserve;

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use nexavpn_domain::{
    ids::GatewayId,
    values::{Pool, Slot},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{SlotError, Store};

pub(crate) use ahead::Ahead;
pub(crate) use hold::{all_freed, free, hold};
pub(crate) use reserve::{Reservations, reservations};
use reserve::{Wish, new_token, reserve_wanted};

/// How long to wait between looks at a pool whose last addresses are only reserved.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What is asked of a pool.
#[derive(Debug, Clone, Copy)]
pub struct SlotRequest<'a> {
    /// Whose pool.
    pub gateway: GatewayId,
    /// The pool.
    pub pool: &'a Pool,
    /// This slot and no other.
    pub wanted: Option<Slot>,
    /// Addresses that no device may have, for example of a DNS server inside the pool.
    pub never: &'a [IpAddr],
    /// How long the reservation holds.
    pub ttl: Duration,
}

/// A reserved address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// What turns the reservation into a held address.
    pub token: Uuid,
    /// Which slot.
    pub slot: Slot,
}

impl Store {
    /// Reserves a free address. While the last free ones are reserved by others, whose commands
    /// may still fail, it waits for their outcome, within the bound of
    /// [`Options::exhausted_wait`](crate::Options::exhausted_wait).
    ///
    /// # Errors
    /// Why there is none.
    pub async fn reserve_slot(&self, request: SlotRequest<'_>) -> Result<Reserved, SlotError> {
        let excluded: Vec<i64> = request
            .never
            .iter()
            .filter_map(|ip| request.pool.slot_of(*ip))
            .map(i64::from)
            .collect();
        let range = request.pool.first()..request.pool.end();
        if let Some(wanted) = request.wanted
            && (!range.contains(&wanted) || excluded.contains(&i64::from(wanted)))
        {
            return Err(SlotError::OutOfPool);
        }
        let pool = self.pool();
        let deadline = Instant::now() + self.options().exhausted_wait;
        let mut more = None;
        loop {
            let reserved = match request.wanted {
                Some(slot) => {
                    self.ahead().forget(request.gateway.0, slot);
                    reserve_wanted(self.direct(), &request, slot).await?
                }
                None => self.reserve_any(&request, &excluded, &mut more).await?,
            };
            if let Some(reserved) = reserved {
                return Ok(reserved);
            }
            if request.wanted.is_some() {
                return Err(SlotError::Taken);
            }
            if Instant::now() >= deadline || !any_hope(pool, request.gateway, &excluded).await? {
                return Err(SlotError::Exhausted);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn reserve_any(
        &self,
        request: &SlotRequest<'_>,
        excluded: &[i64],
        more: &mut Option<usize>,
    ) -> Result<Option<Reserved>, SlotError> {
        let gateway = request.gateway.0;
        let wish = |for_later, more| Wish {
            id: new_token(),
            gateway,
            range: (i64::from(request.pool.first()), i64::from(request.pool.end())),
            excluded: excluded.to_vec(),
            for_later,
            more,
            ttl: request.ttl,
        };
        if let Some(reserved) = self.ahead().take(gateway, excluded) {
            let more = self.ahead().running_low(gateway, request.ttl);
            if more > 0 {
                self.reserve_for_later(wish(true, more));
            }
            return Ok(Some(reserved));
        }
        let more =
            *more.get_or_insert_with(|| self.ahead().more(gateway, request.pool, request.ttl));
        Ok(self.reservations().get(wish(false, more)).await?)
    }

    /// Beside the commands that go on, so that none of them waits for it.
    fn reserve_for_later(&self, wish: Wish) {
        let store = self.clone();
        tokio::spawn(async move {
            let gateway = wish.gateway;
            if let Err(error) = store.reservations().get(wish).await {
                // Whoever finds none left asks for itself.
                tracing::debug!(%error, "no addresses were reserved ahead");
            }
            store.ahead().no_longer_low(gateway);
        });
    }

    /// Gives a reservation back, if it still is one. Answers whether it was.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn release_reservation(&self, token: Uuid) -> Result<bool, SlotError> {
        let done = sqlx::query(
            "UPDATE ip_slot SET reservation = NULL, reserved_until = NULL WHERE reservation = $1",
        )
        .bind(token)
        .execute(self.pool())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Which of these slots of a gateway's pool cannot be taken now: held, reserved or resting.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn occupied_slots(
        &self,
        gateway: GatewayId,
        slots: &[Slot],
    ) -> Result<Vec<Slot>, SlotError> {
        let occupied: Vec<i64> = sqlx::query_scalar(
            "SELECT slot FROM ip_slot
             WHERE gateway_id = $1 AND slot = ANY ($2)
               AND (held_by IS NOT NULL OR reserved_until >= clock_timestamp() AND NOT yields
                    OR free_after > clock_timestamp())
             ORDER BY slot",
        )
        .bind(gateway.0)
        .bind(slots.iter().copied().map(i64::from).collect::<Vec<_>>())
        .fetch_all(self.pool())
        .await?;
        Ok(occupied.into_iter().filter_map(|slot| Slot::try_from(slot).ok()).collect())
    }

    /// Frees the reservations that have run out; answers how many. (They count as free without
    /// this, too.)
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sweep_reservations(&self) -> Result<u64, SlotError> {
        let done = sqlx::query(
            "UPDATE ip_slot SET reservation = NULL, reserved_until = NULL
             WHERE reserved_until < clock_timestamp()",
        )
        .execute(self.pool())
        .await?;
        Ok(done.rows_affected())
    }
}

/// Whether an address is neither held nor resting: reserved, perhaps by a statement that has not
/// committed yet, for a command that may still fail.
async fn any_hope(pool: &PgPool, gateway: GatewayId, excluded: &[i64]) -> Result<bool, SlotError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (
             SELECT FROM ip_slot WHERE gateway_id = $1 AND held_by IS NULL AND slot <> ALL ($2)
                 AND (free_after IS NULL OR free_after <= clock_timestamp()))",
    )
    .bind(gateway.0)
    .bind(excluded)
    .fetch_one(pool)
    .await?)
}
