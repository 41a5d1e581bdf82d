//! Devices that are not revoked.

use std::collections::BTreeSet;

use async_trait::async_trait;
use nexavpn_domain::{
    DomainError,
    ids::{DeviceId, GatewayId, SessionId, UserId},
};
use nexavpn_store::{Demand, JoinedRow, SideRow, SideRowError, same_type, write_joined};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{DropPrivateKey, not_there};

/// Notes a device as its owner's and its gateway's, as long as the owner may have another one.
pub struct IndexDevice {
    /// Which.
    pub device_id: DeviceId,
    /// Whose.
    pub user_id: UserId,
    /// Where.
    pub gateway_id: GatewayId,
    /// The HMAC of the client's mark of the machine.
    pub fingerprint_hmac: Option<String>,
    /// How many devices the owner may have at once; none means any number.
    pub limit: Option<u32>,
}

#[async_trait]
impl SideRow for IndexDevice {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        self.write_all(&[], conn).await
    }

    async fn write_all(
        &self,
        more: &[&dyn SideRow],
        conn: &mut PgConnection,
    ) -> Result<(), SideRowError> {
        let rows = same_type(self, more)?;
        let owners = rows.iter().map(|d| d.user_id.0).collect();
        lock(owners, rows.iter().map(|d| d.gateway_id), conn).await?;
        if write_joined(self, more, conn).await? {
            return Ok(());
        }
        none_drained(rows.iter().map(|d| d.gateway_id), conn).await?;
        // What else keeps a device out is decided anew.
        Err(self.limit.map_or(SideRowError::Stale, over_limit))
    }

    fn join<'a>(
        &'a self,
        more: &[&'a dyn SideRow],
        sql: &mut QueryBuilder<'a, Postgres>,
    ) -> Result<Option<Demand>, SideRowError> {
        let rows = same_type(self, more)?;
        sql.push(", indexed AS MATERIALIZED (SELECT generate_series(1, index_devices(")
            .push_bind(rows.iter().map(|d| d.device_id.0).collect::<Vec<_>>())
            .push(", ")
            .push_bind(rows.iter().map(|d| d.user_id.0).collect::<Vec<_>>())
            .push(", ")
            .push_bind(rows.iter().map(|d| d.gateway_id.0).collect::<Vec<_>>())
            .push(", ")
            .push_bind(rows.iter().map(|d| d.fingerprint_hmac.as_deref()).collect::<Vec<_>>())
            .push(", ")
            .push_bind(rows.iter().map(|d| d.limit.map(i64::from)).collect::<Vec<_>>())
            .push(")))");
        Ok(Some(Demand { member: "indexed", rows: rows.len() }))
    }
}

/// Locks the account of who gets a device: two enrolments of one user go in a row, so that both
/// count. A disabled or deleted user gets none.
async fn lock_owner(conn: &mut PgConnection, user: UserId) -> Result<(), SideRowError> {
    let enabled: Option<bool> =
        sqlx::query_scalar("SELECT enabled FROM account WHERE user_id = $1 FOR UPDATE")
            .bind(user.0)
            .fetch_optional(conn)
            .await?;
    may_own(enabled)
}

fn may_own(enabled: Option<bool>) -> Result<(), SideRowError> {
    match enabled {
        Some(true) => Ok(()),
        None => Err(SideRowError::Refused(DomainError::not_found("user"))),
        Some(false) => {
            let why = "the user is disabled: enable the user first";
            Err(SideRowError::Refused(DomainError::conflict("user_disabled", why)))
        }
    }
}

fn over_limit(limit: u32) -> SideRowError {
    SideRowError::Refused(DomainError::conflict(
        "device_limit",
        format!("the user has {limit} devices already: revoke one first"),
    ))
}

/// Counts a device to its new owner, as long as they may have another one.
pub struct HandOver {
    /// Which.
    pub device_id: DeviceId,
    /// Whose it is now.
    pub user_id: UserId,
    /// The HMAC of the client's mark of the machine, among the new owner's.
    pub fingerprint_hmac: Option<String>,
    /// How many devices the owner may have at once.
    pub limit: u32,
    /// The sessions of the owner before that end with it.
    pub ended: Vec<SessionId>,
}

#[async_trait]
impl SideRow for HandOver {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        lock_owner(conn, self.user_id).await?;
        let done = sqlx::query(
            "UPDATE device_index SET user_id = $2, fingerprint_hmac = $3
             WHERE device_id = $1
               AND (SELECT count(*) FROM device_index WHERE user_id = $2) < $4",
        )
        .bind(self.device_id.0)
        .bind(self.user_id.0)
        .bind(&self.fingerprint_hmac)
        .bind(i64::from(self.limit))
        .execute(&mut *conn)
        .await?;
        if done.rows_affected() != 1 {
            return Err(over_limit(self.limit));
        }
        let bound: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM session
                            WHERE device_id = $1 AND NOT session_id = ANY ($2))",
        )
        .bind(self.device_id.0)
        .bind(self.ended.iter().map(|s| s.0).collect::<Vec<_>>())
        .fetch_one(&mut *conn)
        .await?;
        if bound {
            return Err(SideRowError::Stale);
        }
        // Whoever could have its configuration served again has it no more.
        DropPrivateKey(self.device_id).write(conn).await
    }
}

/// Locks the owners as [`lock_owner`] does, and keeps the gateways from being deleted or drained
/// until the commit: a deletion looks for devices only after it has given up the name, which waits
/// for this lock, and a drain begins with a lock of its own on the name. Whether one has begun is
/// to be seen by the statement after this one.
async fn lock(
    owners: BTreeSet<Uuid>,
    gateways: impl Iterator<Item = GatewayId>,
    conn: &mut PgConnection,
) -> Result<(), SideRowError> {
    let owners: Vec<Uuid> = owners.into_iter().collect();
    let gateways: BTreeSet<String> = gateways.map(|id| id.to_string()).collect();
    let gateways: Vec<String> = gateways.into_iter().collect();
    // The row of a gateway that is being renamed goes while we wait for it, and another look finds
    // the new one.
    for _ in 0..2 {
        // In order, so that two batches never wait for each other in a circle.
        let (known, enabled, kept): (i64, Option<bool>, i64) = sqlx::query_as(
            "WITH owner AS MATERIALIZED (
                 SELECT enabled FROM account WHERE user_id = ANY ($1) ORDER BY user_id FOR UPDATE
             ), gateway AS MATERIALIZED (
                 SELECT FROM claims WHERE kind = 'gateway_name' AND aggregate_id = ANY ($2)
                 ORDER BY aggregate_id FOR KEY SHARE
             )
             SELECT (SELECT count(*) FROM owner), (SELECT bool_and(enabled) FROM owner),
                    (SELECT count(*) FROM gateway)",
        )
        .bind(&owners)
        .bind(&gateways)
        .fetch_one(&mut *conn)
        .await?;
        if !owners.is_empty() {
            may_own(enabled.filter(|_| known == owners.len() as i64))?;
        }
        if kept == gateways.len() as i64 {
            return Ok(());
        }
    }
    Err(SideRowError::Refused(DomainError::not_found("gateway")))
}

/// The command is decided anew where one of the gateways is drained since.
async fn none_drained(
    gateways: impl Iterator<Item = GatewayId>,
    conn: &mut PgConnection,
) -> Result<(), SideRowError> {
    let sql = "SELECT EXISTS (SELECT FROM gateway_drain WHERE gateway_id = ANY ($1))";
    let ids: Vec<Uuid> = gateways.map(|id| id.0).collect();
    let drained: bool = sqlx::query_scalar(sql).bind(ids).fetch_one(conn).await?;
    if drained { Err(SideRowError::Stale) } else { Ok(()) }
}

/// Notes a device as another gateway's.
pub struct MoveDevice {
    /// Which.
    pub device_id: DeviceId,
    /// Where it was.
    pub from: GatewayId,
    /// Where it is now.
    pub to: GatewayId,
}

#[async_trait]
impl SideRow for MoveDevice {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        self.write_all(&[], conn).await
    }

    async fn write_all(
        &self,
        more: &[&dyn SideRow],
        conn: &mut PgConnection,
    ) -> Result<(), SideRowError> {
        let rows = same_type(self, more)?;
        lock(BTreeSet::new(), rows.iter().map(|d| d.to), conn).await?;
        let moved = sqlx::query(
            "UPDATE device_index i SET gateway_id = m.target
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS m (id, origin, target)
             WHERE i.device_id = m.id AND i.gateway_id = m.origin
               AND NOT EXISTS (SELECT FROM gateway_drain g WHERE g.gateway_id = m.target)",
        )
        .bind(rows.iter().map(|d| d.device_id.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|d| d.from.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|d| d.to.0).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
        if usize::try_from(moved.rows_affected()) == Ok(rows.len()) {
            return Ok(());
        }
        none_drained(rows.iter().map(|d| d.to), conn).await?;
        Err(not_there("device"))
    }
}

/// Forgets a device, and its sealed keys.
pub struct UnindexDevice(pub DeviceId);

impl JoinedRow for UnindexDevice {
    fn join<'a>(
        &'a self,
        more: &[&'a dyn SideRow],
        sql: &mut QueryBuilder<'a, Postgres>,
    ) -> Result<Demand, SideRowError> {
        let rows = same_type(self, more)?;
        sql.push(", gone AS (DELETE FROM device_index WHERE device_id = ANY (")
            .push_bind(rows.iter().map(|d| d.0.0).collect::<Vec<_>>())
            .push(
                ") RETURNING device_id), \
                 gone_psks AS (DELETE FROM device_preshared_key k USING gone g \
                               WHERE k.device_id = g.device_id), \
                 gone_keys AS (DELETE FROM device_private_key k USING gone g \
                               WHERE k.device_id = g.device_id)",
            );
        Ok(Demand { member: "gone", rows: rows.len() })
    }

    fn missing() -> SideRowError {
        not_there("device")
    }
}
