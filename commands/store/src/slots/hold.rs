//! What an append does to addresses: those that it holds, and those that it frees.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    AppendError,
    append::{Failure, Prepared, Reservation},
};

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
