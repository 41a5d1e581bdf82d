//! Addresses: reserved before a command, held inside its append, resting after a release.

mod ahead;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use nexavpn_domain::{
    ids::GatewayId,
    values::{Pool, Slot},
};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    AppendError, Direct, SlotError, Store, Together,
    append::{Failure, Prepared, Reservation},
};

pub(crate) use ahead::Ahead;

/// How many rows are made at a time: a pool of a /64 is never materialised.
const BLOCK: i64 = 256;
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
            if make_block(pool, request.gateway, range.clone()).await? {
                continue;
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
        if let Some(reserved) = self.ahead().take(gateway, excluded) {
            return Ok(Some(reserved));
        }
        let wish = Wish {
            id: new_token(),
            gateway,
            excluded: excluded.to_vec(),
            more: *more
                .get_or_insert_with(|| self.ahead().more(gateway, request.pool, request.ttl)),
            ttl: request.ttl,
        };
        Ok(self.reservations().get(wish).await?)
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

/// Reservations that are asked for at the same time.
pub(crate) type Reservations = Together<Wish, Reserved, sqlx::Error>;

/// A wish for any free address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wish {
    /// Tells it from others.
    id: Uuid,
    gateway: Uuid,
    excluded: Vec<i64>,
    /// How many to reserve for those who come next.
    more: usize,
    ttl: Duration,
}

impl Wish {
    /// What one statement can be asked for.
    fn terms(&self) -> (Uuid, &[i64], Duration) {
        (self.gateway, &self.excluded, self.ttl)
    }
}

/// Reserves an address for each wish, as far as there are any, and some ahead.
pub(crate) fn reservations(db: Direct, ahead: Arc<Ahead>) -> Reservations {
    Together::new(move |mut wishes: Vec<Wish>| {
        let (db, ahead) = (db.clone(), Arc::clone(&ahead));
        async move {
            wishes.sort_unstable_by(|a, b| a.terms().cmp(&b.terms()));
            let mut granted = HashMap::new();
            for alike in wishes.chunk_by(|a, b| a.terms() == b.terms()) {
                let Some(Wish { gateway, excluded, ttl, .. }) = alike.first() else { continue };
                // Those before may have left some.
                let spare = |wish: &Wish| Some((wish.clone(), ahead.take(*gateway, excluded)?));
                let spares: Vec<(Wish, Reserved)> = alike.iter().map_while(spare).collect();
                let left = alike.get(spares.len()..).unwrap_or_default();
                granted.extend(spares);
                if left.is_empty() {
                    continue;
                }
                let more = left.iter().map(|wish| wish.more).max().unwrap_or_default();
                let number = left.len() + more;
                let reserved = reserve(&db, *gateway, (None, excluded), number, *ttl).await?;
                let mut reserved = reserved.into_iter();
                granted.extend(left.iter().cloned().zip(reserved.by_ref()));
                ahead.put(*gateway, reserved, *ttl);
            }
            Ok(granted)
        }
    })
}

fn new_token() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

// A reservation may be lost in a crash: the append it is for would be lost with it, since that is
// written later and to disk.
const RESERVE: &str = "WITH fast AS MATERIALIZED (
         SELECT set_config('synchronous_commit', 'off', true)
     ), free AS MATERIALIZED (
         SELECT gateway_id, slot FROM ip_slot
         WHERE gateway_id = $1 AND held_by IS NULL
           AND ($2::bigint IS NULL OR slot = $2) AND slot <> ALL ($3)
           AND (reserved_until IS NULL OR reserved_until < clock_timestamp()
                OR yields AND $2::bigint IS NOT NULL)
           AND (free_after IS NULL OR free_after <= clock_timestamp())
         ORDER BY slot LIMIT cardinality($4::uuid[]) FOR UPDATE SKIP LOCKED
     ), given AS MATERIALIZED (
         SELECT f.gateway_id, f.slot, ($4::uuid[])[row_number() OVER (ORDER BY f.slot)] AS token
         FROM free f
     )
     UPDATE ip_slot s
     SET reservation = g.token, yields = $2::bigint IS NULL,
         reserved_until = clock_timestamp() + make_interval(secs => $5)
     FROM given g, fast WHERE s.gateway_id = g.gateway_id AND s.slot = g.slot
     RETURNING s.reservation, s.slot";

/// Reserves the lowest free slots of a gateway, or a wanted one, none of the excluded ones. Gives
/// them in their order.
async fn reserve(
    db: &Direct,
    gateway: Uuid,
    (wanted, excluded): (Option<i64>, &[i64]),
    number: usize,
    ttl: Duration,
) -> Result<Vec<Reserved>, sqlx::Error> {
    let tokens: Vec<Uuid> = std::iter::repeat_with(new_token).take(number).collect();
    let reserved: Vec<(Uuid, i64)> = sqlx::query_as(RESERVE)
        .bind(gateway)
        .bind(wanted)
        .bind(excluded)
        .bind(tokens)
        .bind(ttl.as_secs_f64())
        .fetch_all(db)
        .await?;
    // The column is checked to be positive and made from slots.
    let place = |(token, slot)| Some(Reserved { token, slot: Slot::try_from(slot).ok()? });
    let mut reserved: Vec<Reserved> = reserved.into_iter().filter_map(place).collect();
    reserved.sort_unstable_by_key(|reserved| reserved.slot);
    Ok(reserved)
}

async fn reserve_wanted(
    db: &Direct,
    request: &SlotRequest<'_>,
    slot: Slot,
) -> Result<Option<Reserved>, SlotError> {
    sqlx::query(
        "INSERT INTO ip_slot (gateway_id, slot) VALUES ($1, $2)
         ON CONFLICT ON CONSTRAINT ip_slot_pkey DO NOTHING",
    )
    .bind(request.gateway.0)
    .bind(i64::from(slot))
    .execute(db)
    .await?;
    let wanted = (Some(i64::from(slot)), &[][..]);
    Ok(reserve(db, request.gateway.0, wanted, 1, request.ttl).await?.pop())
}

/// Makes the next rows of a pool. Answers whether another look is worth it.
async fn make_block(
    pool: &PgPool,
    gateway: GatewayId,
    range: std::ops::Range<Slot>,
) -> Result<bool, SlotError> {
    let (first, end) = (i64::from(range.start), i64::from(range.end));
    const MADE: &str = "SELECT made_to FROM ip_pool WHERE gateway_id = $1";
    let before: Option<i64> = sqlx::query_scalar(MADE).bind(gateway.0).fetch_optional(pool).await?;
    if before.is_some_and(|made| made >= end) {
        return Ok(false);
    }
    let mut tx = pool.begin().await?;
    sqlx::query("INSERT INTO ip_pool VALUES ($1, $2) ON CONFLICT (gateway_id) DO NOTHING")
        .bind(gateway.0)
        .bind(first)
        .execute(&mut *tx)
        .await?;
    let made: i64 =
        sqlx::query_scalar("SELECT made_to FROM ip_pool WHERE gateway_id = $1 FOR UPDATE")
            .bind(gateway.0)
            .fetch_one(&mut *tx)
            .await?;
    // Otherwise somebody else made the block in between.
    if made == before.unwrap_or(first) {
        let upto = (made + BLOCK).min(end);
        sqlx::query(
            "INSERT INTO ip_slot (gateway_id, slot) SELECT $1, generate_series($2::bigint, $3::bigint - 1)
             ON CONFLICT ON CONSTRAINT ip_slot_pkey DO NOTHING",
        )
        .bind(gateway.0)
        .bind(made)
        .bind(upto)
        .execute(&mut *tx)
        .await?;
        sqlx::query("UPDATE ip_pool SET made_to = $2 WHERE gateway_id = $1")
            .bind(gateway.0)
            .bind(upto)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(true)
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

/// Turns the reservations of a batch into held addresses, and takes those that were not reserved.
pub(crate) async fn hold(conn: &mut PgConnection, batch: &[&Prepared]) -> Result<(), Failure> {
    let holds = || batch.iter().flat_map(|p| &p.effects.holds);
    let (mut reserved, mut others) = (Vec::new(), Vec::new());
    for hold in holds() {
        match hold.token {
            Some(token) => reserved.push((token, hold)),
            None => others.push(hold),
        }
    }
    hold_reserved(conn, &reserved).await?;
    hold_free(conn, others).await
}

async fn hold_reserved(
    conn: &mut PgConnection,
    holds: &[(Uuid, &Reservation)],
) -> Result<(), Failure> {
    if holds.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(
        "UPDATE ip_slot s
         SET held_by = h.device, reservation = NULL, reserved_until = NULL, free_after = NULL
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[])
              AS h (token, gateway_id, slot, device)
         WHERE s.reservation = h.token AND s.gateway_id = h.gateway_id AND s.slot = h.slot",
    )
    .bind(holds.iter().map(|(token, _)| *token).collect::<Vec<_>>())
    .bind(holds.iter().map(|(_, h)| h.gateway.0).collect::<Vec<_>>())
    .bind(holds.iter().map(|(_, h)| i64::from(h.slot)).collect::<Vec<_>>())
    .bind(holds.iter().map(|(_, h)| h.device.0).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    all_held(done.rows_affected(), holds.len())
}

/// Takes addresses that nobody holds, has reserved or gave up a moment ago.
async fn hold_free(conn: &mut PgConnection, mut holds: Vec<&Reservation>) -> Result<(), Failure> {
    if holds.is_empty() {
        return Ok(());
    }
    // In order, so that two appends never wait for each other in a circle.
    holds.sort_unstable_by_key(|h| (h.gateway, h.slot));
    let done = sqlx::query(
        "INSERT INTO ip_slot AS s (gateway_id, slot, held_by)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[])
         ON CONFLICT ON CONSTRAINT ip_slot_pkey DO UPDATE
         SET held_by = excluded.held_by, reservation = NULL, reserved_until = NULL,
             free_after = NULL
         WHERE s.held_by IS NULL
           AND (s.reserved_until IS NULL OR s.reserved_until < clock_timestamp() OR s.yields)
           AND (s.free_after IS NULL OR s.free_after <= clock_timestamp())",
    )
    .bind(holds.iter().map(|h| h.gateway.0).collect::<Vec<_>>())
    .bind(holds.iter().map(|h| i64::from(h.slot)).collect::<Vec<_>>())
    .bind(holds.iter().map(|h| h.device.0).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    all_held(done.rows_affected(), holds.len())
}

fn all_held(held: u64, wanted: usize) -> Result<(), Failure> {
    if held == wanted as u64 { Ok(()) } else { Err(AppendError::ReservationLost.into()) }
}

/// Lets the addresses of revoked devices rest.
pub(crate) async fn free(
    conn: &mut PgConnection,
    batch: &[&Prepared],
    rest: Duration,
) -> Result<(), Failure> {
    let devices: Vec<Uuid> = batch.iter().flat_map(|p| &p.effects.frees).map(|d| d.0).collect();
    if devices.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(
        "UPDATE ip_slot SET held_by = NULL,
             free_after = clock_timestamp() + make_interval(secs => $2)
         WHERE held_by = ANY ($1)",
    )
    .bind(&devices)
    .bind(rest.as_secs_f64())
    .execute(conn)
    .await?;
    all_freed(batch, done.rows_affected());
    Ok(())
}

/// Says where a revoked device held no address. Cutting somebody off must not fail over bookkeeping;
/// `nexavpn verify` finds the slot.
pub(crate) fn all_freed(batch: &[&Prepared], freed: u64) {
    let devices: Vec<_> = batch.iter().flat_map(|p| &p.effects.frees).collect();
    if devices.len() as u64 != freed {
        tracing::error!(?devices, freed, "a device held no address slot");
    }
}
