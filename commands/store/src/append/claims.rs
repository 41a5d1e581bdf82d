//! Claims and pools: given up, then taken, in one order.

use nexavpn_domain::ClaimKind;
use sqlx::PgConnection;

use super::{
    prepare::{Prepared, claim_conflict},
    write::Failure,
};
use crate::AppendError;

/// Which claim of the append somebody holds.
pub(super) async fn held_claim(
    conn: &mut PgConnection,
    prepared: &Prepared,
) -> Result<Option<ClaimKind>, sqlx::Error> {
    let takes = &prepared.effects.takes;
    let held: Vec<(String, String)> = sqlx::query_as(
        "SELECT kind, key FROM claims
         WHERE (kind, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
    )
    .bind(takes.iter().map(|t| t.kind.as_str()).collect::<Vec<_>>())
    .bind(takes.iter().map(|t| t.key.as_str()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let is_held = |kind: &str, key: &str| held.iter().any(|(k, v)| k == kind && v == key);
    Ok(takes.iter().find(|t| is_held(t.kind.as_str(), &t.key)).map(|t| t.kind))
}

/// Gives up claims and pools. Answers whether an admin claim is among them.
pub(super) async fn release(conn: &mut PgConnection, batch: &[&Prepared]) -> Result<bool, Failure> {
    let of = |pools: bool| {
        let all = batch.iter().flat_map(|p| &p.effects.releases);
        all.filter(move |(kind, ..)| (*kind == ClaimKind::Pool) == pools)
    };
    let admins: Vec<&str> = of(false)
        .filter(|(kind, ..)| *kind == ClaimKind::Admin)
        .map(|(_, _, id)| id.as_str())
        .collect();
    let mut admin_left = false;
    if !admins.is_empty() {
        // Locked in one order, so that of two admins who disable each other the second one sees
        // what the first one did. Nothing is locked when none of them is an admin.
        let locked: Vec<String> = sqlx::query_scalar(
            "SELECT key FROM claims
             WHERE kind = 'admin' AND EXISTS (
                 SELECT FROM claims WHERE kind = 'admin' AND aggregate_id = ANY($1))
             ORDER BY key FOR UPDATE",
        )
        .bind(admins)
        .fetch_all(&mut *conn)
        .await?;
        admin_left = !locked.is_empty();
    }
    sqlx::query(
        "DELETE FROM claims c
         USING unnest($1::text[], $2::text[], $3::text[]) AS r (kind, aggregate_type, aggregate_id)
         WHERE c.kind = r.kind AND c.aggregate_id = r.aggregate_id
           AND c.aggregate_type = r.aggregate_type",
    )
    .bind(of(false).map(|(kind, ..)| kind.as_str()).collect::<Vec<_>>())
    .bind(of(false).map(|(_, of, _)| *of).collect::<Vec<_>>())
    .bind(of(false).map(|(_, _, id)| id.as_str()).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    if of(true).next().is_some() {
        sqlx::query(
            "DELETE FROM pool_claims c
             USING unnest($1::text[], $2::text[]) AS r (aggregate_type, aggregate_id)
             WHERE c.aggregate_type = r.aggregate_type AND c.aggregate_id = r.aggregate_id",
        )
        .bind(of(true).map(|(_, of, _)| *of).collect::<Vec<_>>())
        .bind(of(true).map(|(_, _, id)| id.as_str()).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    }
    Ok(admin_left)
}

/// Refuses to leave no admin.
pub(super) async fn keep_an_admin(conn: &mut PgConnection) -> Result<(), Failure> {
    let any: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM claims WHERE kind = 'admin')")
        .fetch_one(conn)
        .await?;
    if any {
        Ok(())
    } else {
        Err(Failure::Append(AppendError::Conflict(claim_conflict(ClaimKind::Admin))))
    }
}

/// Takes the claims of appends that gave others up first.
pub(super) async fn take(conn: &mut PgConnection, batch: &[&Prepared]) -> Result<(), Failure> {
    let takes: Vec<_> = batch.iter().flat_map(|p| &p.effects.takes).collect();
    if takes.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO claims (kind, key, aggregate_type, aggregate_id)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])",
    )
    .bind(takes.iter().map(|t| t.kind.as_str()).collect::<Vec<_>>())
    .bind(takes.iter().map(|t| t.key.as_str()).collect::<Vec<_>>())
    .bind(takes.iter().map(|t| t.aggregate_type).collect::<Vec<_>>())
    .bind(takes.iter().map(|t| t.aggregate_id.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes networks; the database refuses any that overlap.
pub(super) async fn take_pools(
    conn: &mut PgConnection,
    batch: &[&Prepared],
) -> Result<(), Failure> {
    let pools: Vec<_> = batch.iter().flat_map(|p| &p.effects.pools).collect();
    if pools.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO pool_claims (aggregate_type, aggregate_id, network)
         SELECT t.a, t.b, t.c::inet FROM unnest($1::text[], $2::text[], $3::text[]) AS t (a, b, c)",
    )
    .bind(pools.iter().map(|p| p.aggregate_type).collect::<Vec<_>>())
    .bind(pools.iter().map(|p| p.aggregate_id.as_str()).collect::<Vec<_>>())
    .bind(pools.iter().map(|p| p.network.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
