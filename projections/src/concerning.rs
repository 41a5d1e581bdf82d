//! Which events can concern some devices: the numbers of all that decide about their access.

use nexavpn_domain::ids::{DeviceId, UserId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::ReadError;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Concerning<'a> {
    /// The devices.
    pub devices: &'a [DeviceId],
    /// Everybody who has or had one of them.
    pub owners: &'a [UserId],
}

impl Concerning<'_> {
    /// The newest of the events up to a number, at most so many, in ascending order.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn up_to(&self, pool: &PgPool, idx: i64, limit: i64) -> Result<Vec<i64>, ReadError> {
        let mut numbers = self.numbers(pool, (0, idx), "DESC", limit).await?;
        numbers.reverse();
        Ok(numbers)
    }

    /// The first of the events after a number and up to another one, at most so many, in ascending
    /// order.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn after(
        &self,
        pool: &PgPool,
        range: (i64, i64),
        limit: i64,
    ) -> Result<Vec<i64>, ReadError> {
        self.numbers(pool, range, "ASC", limit).await
    }

    /// Up to which event it is known.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn known_up_to(pool: &PgPool) -> Result<i64, ReadError> {
        let sql = "SELECT idx FROM read.projection_checkpoint WHERE name = 'audit_log'";
        Ok(sqlx::query_scalar(sql).fetch_optional(pool).await?.unwrap_or(0))
    }

    async fn numbers(
        &self,
        pool: &PgPool,
        (after, up_to): (i64, i64),
        order: &str,
        limit: i64,
    ) -> Result<Vec<i64>, ReadError> {
        // Each part is read along its index, no further than it has to be: of many devices, each for
        // itself.
        let tail = format!("AND a.idx > $1 AND a.idx <= $2 ORDER BY a.idx {order} LIMIT $5");
        let sql = format!(
            "SELECT DISTINCT idx FROM (
                 (SELECT a.idx FROM read.audit_log a WHERE a.entity_type = 'policy' {tail})
                 UNION ALL
                 (SELECT a.idx FROM read.audit_log a WHERE a.entity_type = 'gateway' {tail})
                 UNION ALL
                 (SELECT own.idx FROM unnest($3::text[] || $4::text[]) entity (id) CROSS JOIN LATERAL
                  (SELECT a.idx FROM read.audit_log a WHERE a.entity_id = entity.id {tail}) own)
                 UNION ALL
                 (SELECT a.idx FROM read.audit_log a WHERE a.event_type = 'group.created' {tail})
                 UNION ALL
                 (SELECT a.idx FROM read.audit_log a WHERE a.event_type = 'group.deleted' {tail})
                 UNION ALL
                 (SELECT a.idx FROM read.audit_log a WHERE a.event_type = 'group.restored' {tail})
                 UNION ALL
                 (SELECT own.idx FROM unnest($6::uuid[]) member (id) CROSS JOIN LATERAL
                  (SELECT a.idx FROM read.audit_log a
                   WHERE a.event_type IN ('group.member_added', 'group.member_removed')
                     AND a.about = member.id {tail}) own)
             ) concerning ORDER BY idx {order} LIMIT $5"
        );
        let devices: Vec<String> = self.devices.iter().map(ToString::to_string).collect();
        let owners: Vec<String> = self.owners.iter().map(ToString::to_string).collect();
        let members: Vec<Uuid> = self.owners.iter().map(|id| id.0).collect();
        let numbers = sqlx::query_scalar(&sql)
            .bind(after)
            .bind(up_to)
            .bind(devices)
            .bind(owners)
            .bind(limit)
            .bind(members)
            .fetch_all(pool)
            .await?;
        Ok(numbers)
    }
}
