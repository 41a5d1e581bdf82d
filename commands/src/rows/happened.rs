//! That a request happened, under its `Idempotency-Key`.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::DomainError;
use nexavpn_store::{SideRow, SideRowError};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::once::Once;

/// The code of a request that another one with the same key has overtaken.
pub const KEY_IN_USE: &str = "idempotency_key_in_use";

/// Records that a request happened. One request may append several times; another one with the
/// same key is refused, and its append with it.
pub struct Happened {
    /// Which request.
    pub once: Once,
    /// What it made or changed.
    pub entity_id: Option<Uuid>,
    /// The status of its answer.
    pub status: u16,
    /// The sealed answer; empty where it is not known yet.
    pub answer: Vec<u8>,
    /// The present.
    pub now: DateTime<Utc>,
}

impl Happened {
    /// Writes the row; false where another run of the request was first.
    pub(crate) async fn put(&self, conn: &mut PgConnection) -> sqlx::Result<bool> {
        let Self { once, entity_id, status, answer, now } = self;
        let done = sqlx::query(
            "INSERT INTO idempotency AS i (principal, route, key, request_hash, status, body,
                                           expires_at, execution, recorded_at, entity_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT ON CONSTRAINT idempotency_pkey DO UPDATE
             SET request_hash = excluded.request_hash,
                 status = CASE WHEN i.execution = excluded.execution AND excluded.body = ''
                               THEN i.status ELSE excluded.status END,
                 body = excluded.body, expires_at = excluded.expires_at,
                 entity_id = CASE WHEN i.execution = excluded.execution
                                  THEN coalesce(i.entity_id, excluded.entity_id)
                                  ELSE excluded.entity_id END,
                 execution = excluded.execution, recorded_at = excluded.recorded_at
             WHERE i.execution = excluded.execution OR i.expires_at <= excluded.recorded_at",
        )
        .bind(&once.principal)
        .bind(&once.route)
        .bind(&once.key)
        .bind(&once.request_hash)
        .bind(i16::try_from(*status).unwrap_or_default())
        .bind(answer)
        .bind(*now + Once::KEPT)
        .bind(once.execution)
        .bind(*now)
        .bind(*entity_id)
        .execute(conn)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

#[async_trait]
impl SideRow for Happened {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        if self.put(conn).await? {
            return Ok(());
        }
        Err(SideRowError::Refused(DomainError::conflict(
            KEY_IN_USE,
            "another request with this Idempotency-Key was first: send it again for its answer",
        )))
    }
}
