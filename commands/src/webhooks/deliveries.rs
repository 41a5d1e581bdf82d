//! How far each webhook has come, and which process sends. No history: what matters of it can be
//! lost and is made up for, since an event that may not have been taken is sent again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use nexavpn_domain::ids::WebhookId;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{CommandError, Commands};

/// How a webhook stands.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Deliveries {
    /// Of which.
    pub webhook_id: Uuid,
    /// Whether events are sent.
    pub enabled: bool,
    /// The last event that was taken, or passed over because it is not wanted.
    pub cursor: i64,
    /// Attempts that failed since the last one that did not.
    pub failures: i32,
    /// When the first of them was.
    pub failing_since: Option<DateTime<Utc>>,
    /// When the next one is.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When the last one was.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// What the endpoint answered to it, if it did.
    pub last_status: Option<i16>,
    /// What was wrong with the last one that failed.
    pub last_error: Option<String>,
    /// When an event was taken last.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// What a process sends for.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Claimed {
    /// The last event that was taken.
    pub cursor: i64,
    /// Attempts that failed since.
    pub failures: i32,
    /// When the first of them was.
    pub failing_since: Option<DateTime<Utc>>,
    /// Not before then.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it was.
    pub at: DateTime<Utc>,
    /// What the endpoint answered, if it did.
    pub status: Option<u16>,
    /// What is wrong, for people.
    pub error: String,
    /// When to try again.
    pub next_attempt_at: DateTime<Utc>,
}

impl Commands {
    /// Where webhooks may lead to.
    #[must_use]
    pub fn webhook_rules(&self) -> &super::WebhookRules {
        &self.settings.webhooks
    }

    /// How these webhooks stand; all of them where none is named.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn deliveries(
        &self,
        of: Option<&[WebhookId]>,
    ) -> Result<Vec<Deliveries>, CommandError> {
        let ids = of.map(|ids| ids.iter().map(|id| id.0).collect::<Vec<_>>());
        Ok(sqlx::query_as(
            "SELECT webhook_id, enabled, cursor, failures, failing_since, next_attempt_at,
                    last_attempt_at, last_status, last_error, delivered_at
             FROM webhook_delivery WHERE $1::uuid[] IS NULL OR webhook_id = ANY ($1)
             ORDER BY webhook_id",
        )
        .bind(ids)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Says that a process which sends lives, for so long, by the database's clock.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn webhook_worker_lives(
        &self,
        worker: Uuid,
        for_: Duration,
    ) -> Result<(), CommandError> {
        sqlx::query(
            "INSERT INTO webhook_worker (id, alive_until)
             VALUES ($1, clock_timestamp() + $2 * interval '1 second')
             ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until",
        )
        .bind(worker)
        .bind(for_.as_secs_f64())
        .execute(&self.pool)
        .await?;
        sqlx::query(
            "DELETE FROM webhook_worker WHERE alive_until < clock_timestamp() - interval '1 day'",
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Says that a process sends nothing any more: others need not wait until it seems dead.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn webhook_worker_ends(&self, worker: Uuid) -> Result<(), CommandError> {
        sqlx::query("DELETE FROM webhook_worker WHERE id = $1")
            .bind(worker)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Makes a process the one that sends for a webhook. `None` where there is nothing to send, or
    /// another living process does.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim_webhook(
        &self,
        worker: Uuid,
        id: WebhookId,
    ) -> Result<Option<Claimed>, CommandError> {
        const COLUMNS: &str = "cursor, failures, failing_since, next_attempt_at";
        let mine = format!(
            "SELECT {COLUMNS} FROM webhook_delivery
             WHERE webhook_id = $1 AND worker = $2 AND enabled"
        );
        let mine = sqlx::query_as(&mine).bind(id.0).bind(worker).fetch_optional(&self.pool).await?;
        if mine.is_some() {
            return Ok(mine);
        }
        let claim = format!(
            "UPDATE webhook_delivery SET worker = $2
             WHERE webhook_id = $1 AND enabled
               AND (worker IS NULL
                    OR NOT EXISTS (SELECT FROM webhook_worker w
                                   WHERE w.id = webhook_delivery.worker
                                     AND w.alive_until > clock_timestamp()))
             RETURNING {COLUMNS}"
        );
        let claimed = sqlx::query_as(&claim).bind(id.0).bind(worker);
        Ok(claimed.fetch_optional(&self.pool).await?)
    }

    /// Writes down that the events up to this number were taken, or are not wanted. `false` where
    /// the webhook is not this process's any more, or somebody has sent it elsewhere.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn webhook_advanced(
        &self,
        worker: Uuid,
        id: WebhookId,
        from: i64,
        to: i64,
    ) -> Result<bool, CommandError> {
        let done = sqlx::query(
            "UPDATE webhook_delivery SET cursor = $4
             WHERE webhook_id = $1 AND worker = $2 AND cursor = $3",
        )
        .bind(id.0)
        .bind(worker)
        .bind(from)
        .bind(to)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The same where an event was sent and taken.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn webhook_delivered(
        &self,
        worker: Uuid,
        id: WebhookId,
        from: i64,
        to: i64,
        status: u16,
    ) -> Result<bool, CommandError> {
        let done = sqlx::query(
            "UPDATE webhook_delivery
             SET cursor = $4, failures = 0, failing_since = NULL, next_attempt_at = NULL,
                 last_attempt_at = $5, delivered_at = $5, last_status = $6, last_error = NULL
             WHERE webhook_id = $1 AND worker = $2 AND cursor = $3",
        )
        .bind(id.0)
        .bind(worker)
        .bind(from)
        .bind(to)
        .bind(self.now())
        .bind(i16::try_from(status).ok())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Writes down an attempt that failed; as [`webhook_delivered`](Self::webhook_delivered).
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn webhook_failed(
        &self,
        worker: Uuid,
        id: WebhookId,
        from: i64,
        attempt: &Attempt,
    ) -> Result<bool, CommandError> {
        let done = sqlx::query(
            "UPDATE webhook_delivery
             SET failures = failures + 1, failing_since = coalesce(failing_since, $4),
                 next_attempt_at = $5, last_attempt_at = $4, last_status = $6, last_error = $7
             WHERE webhook_id = $1 AND worker = $2 AND cursor = $3",
        )
        .bind(id.0)
        .bind(worker)
        .bind(from)
        .bind(attempt.at)
        .bind(attempt.next_attempt_at)
        .bind(attempt.status.and_then(|s| i16::try_from(s).ok()))
        .bind(&attempt.error)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
