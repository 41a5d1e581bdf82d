//! Reserving addresses: the lowest free ones for all who ask at the same time, by one statement where
//! enough have rows, or one that somebody wished for.

use std::{collections::HashMap, sync::Arc, time::Duration};

use nexavpn_domain::values::Slot;
use uuid::Uuid;

use super::{Ahead, Reserved, SlotRequest};
use crate::{Direct, SlotError, Together};

/// Reservations that are asked for at the same time.
pub(crate) type Reservations = Together<Wish, Reserved, sqlx::Error>;

/// A wish for any free address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wish {
    /// Tells it from others.
    pub(super) id: Uuid,
    pub(super) gateway: Uuid,
    /// The pool's first slot, and the one after its last.
    pub(super) range: (i64, i64),
    pub(super) excluded: Vec<i64>,
    /// Nobody waits for it: it is granted nothing.
    pub(super) for_later: bool,
    /// How many to reserve for those who come next.
    pub(super) more: usize,
    pub(super) ttl: Duration,
}

impl Wish {
    fn terms(&self) -> Terms<'_> {
        let Self { gateway, range, excluded, ttl, .. } = self;
        Terms { gateway: *gateway, range: *range, excluded, ttl: *ttl }
    }
}

/// What one statement can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Terms<'a> {
    gateway: Uuid,
    range: (i64, i64),
    excluded: &'a [i64],
    ttl: Duration,
}

/// Reserves an address for each wish, as far as there are any, and some ahead.
pub(crate) fn reservations(db: Direct, ahead: Arc<Ahead>) -> Reservations {
    Together::new(move |mut wishes: Vec<Wish>| {
        let (db, ahead) = (db.clone(), Arc::clone(&ahead));
        async move {
            wishes.sort_unstable_by(|a, b| a.terms().cmp(&b.terms()));
            let mut granted = HashMap::new();
            for alike in wishes.chunk_by(|a, b| a.terms() == b.terms()) {
                let Some(terms) = alike.first().map(Wish::terms) else { continue };
                let Terms { gateway, excluded, ttl, .. } = terms;
                let (later, asked): (Vec<&Wish>, Vec<&Wish>) =
                    alike.iter().partition(|wish| wish.for_later);
                // Those before may have left some.
                let spare = |wish: &&Wish| Some(((*wish).clone(), ahead.take(gateway, excluded)?));
                let spares: Vec<(Wish, Reserved)> = asked.iter().map_while(spare).collect();
                let left = asked.get(spares.len()..).unwrap_or_default();
                granted.extend(spares);
                let more = left.iter().chain(&later).map(|wish| wish.more).max();
                let number = left.len() + more.unwrap_or_default();
                if number == 0 {
                    continue;
                }
                let mut reserved = reserve_any(&db, terms, number).await?.into_iter();
                granted.extend(left.iter().map(|wish| (*wish).clone()).zip(reserved.by_ref()));
                ahead.put(gateway, reserved, ttl);
            }
            Ok(granted)
        }
    })
}

pub(super) fn new_token() -> Uuid {
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

// Rows are made as they are reserved: a pool of a /64 is never materialised. Whoever comes at the same
// time waits for the pool's row and goes on from there. A row that somebody wished for is there already.
const GROW: &str = "WITH fast AS MATERIALIZED (
         SELECT set_config('synchronous_commit', 'off', true)
     ), grown AS (
         UPDATE ip_pool p SET made_to = least(before.made_to + cardinality($4::uuid[]), $2)
         FROM (SELECT gateway_id, made_to FROM ip_pool WHERE gateway_id = $1 FOR UPDATE) before, fast
         WHERE p.gateway_id = before.gateway_id AND before.made_to < $2
         RETURNING before.made_to AS first, p.made_to AS upto
     ), next AS (
         SELECT slot, CASE WHEN slot <> ALL ($3)
                      THEN ($4::uuid[])[count(*) FILTER (WHERE slot <> ALL ($3)) OVER (ORDER BY slot)]
                      END AS token
         FROM grown g CROSS JOIN generate_series(g.first, g.upto - 1) AS slot
     ), made AS (
         INSERT INTO ip_slot (gateway_id, slot, reservation, yields, reserved_until)
         SELECT $1, slot, token, token IS NOT NULL,
                CASE WHEN token IS NOT NULL
                THEN clock_timestamp() + make_interval(secs => $5) END
         FROM next
         ON CONFLICT ON CONSTRAINT ip_slot_pkey DO NOTHING
         RETURNING reservation, slot
     )
     SELECT m.reservation, m.slot FROM grown LEFT JOIN made m ON m.reservation IS NOT NULL";

/// Reserves the lowest free slots of a gateway, none of the excluded ones, as far as there are any.
/// Gives them in their order.
async fn reserve_any(
    db: &Direct,
    terms: Terms<'_>,
    number: usize,
) -> Result<Vec<Reserved>, sqlx::Error> {
    let Terms { gateway, range, excluded, ttl } = terms;
    let mut reserved = reserve(db, gateway, (None, excluded), number, ttl).await?;
    while reserved.len() < number {
        let made: Vec<(Option<Uuid>, Option<i64>)> = sqlx::query_as(GROW)
            .bind(gateway)
            .bind(range.1)
            .bind(excluded)
            .bind(tokens(number - reserved.len()))
            .bind(ttl.as_secs_f64())
            .fetch_all(db)
            .await?;
        if made.is_empty() && !has_room(db, gateway, range).await? {
            break;
        }
        reserved.extend(made.into_iter().filter_map(|(token, slot)| place(token?, slot?)));
    }
    reserved.sort_unstable_by_key(|reserved| reserved.slot);
    Ok(reserved)
}

/// Whether there are addresses without a row; notes where none has one yet.
async fn has_room(
    db: &Direct,
    gateway: Uuid,
    (first, end): (i64, i64),
) -> Result<bool, sqlx::Error> {
    sqlx::query("INSERT INTO ip_pool VALUES ($1, $2) ON CONFLICT (gateway_id) DO NOTHING")
        .bind(gateway)
        .bind(first)
        .execute(db)
        .await?;
    // Another process may have noted it after we had looked.
    sqlx::query_scalar("SELECT made_to < $2 FROM ip_pool WHERE gateway_id = $1")
        .bind(gateway)
        .bind(end)
        .fetch_one(db)
        .await
}

/// Reserves free slots of a gateway that have rows, or a wanted one, none of the excluded ones.
async fn reserve(
    db: &Direct,
    gateway: Uuid,
    (wanted, excluded): (Option<i64>, &[i64]),
    number: usize,
    ttl: Duration,
) -> Result<Vec<Reserved>, sqlx::Error> {
    let reserved: Vec<(Uuid, i64)> = sqlx::query_as(RESERVE)
        .bind(gateway)
        .bind(wanted)
        .bind(excluded)
        .bind(tokens(number))
        .bind(ttl.as_secs_f64())
        .fetch_all(db)
        .await?;
    Ok(reserved.into_iter().filter_map(|(token, slot)| place(token, slot)).collect())
}

fn tokens(number: usize) -> Vec<Uuid> {
    std::iter::repeat_with(new_token).take(number).collect()
}

/// The column is checked to be positive and made from slots.
fn place(token: Uuid, slot: i64) -> Option<Reserved> {
    Some(Reserved { token, slot: Slot::try_from(slot).ok()? })
}

pub(super) async fn reserve_wanted(
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
