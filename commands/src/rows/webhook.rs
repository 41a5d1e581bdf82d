//! What is kept beside a webhook's events: its secrets, and whether and from where it sends.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::ids::WebhookId;
use nexavpn_store::{SideRow, SideRowError};
use sqlx::PgConnection;

use super::one;

/// Begins to send, with the first event after this number.
pub struct BeginDeliveries {
    /// Of which.
    pub webhook_id: WebhookId,
    /// The last event that is not sent.
    pub after: i64,
}

#[async_trait]
impl SideRow for BeginDeliveries {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        let done = sqlx::query(
            "INSERT INTO webhook_delivery (webhook_id, enabled, cursor) VALUES ($1, true, $2)",
        )
        .bind(self.webhook_id.0)
        .bind(self.after)
        .execute(conn)
        .await?;
        one(&done, "webhook")
    }
}

/// Lets another secret sign; those before it sign as well for a while.
pub struct KeepWebhookSecret {
    /// Whose.
    pub webhook_id: WebhookId,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
    /// Until when those before it sign.
    pub previous_until: DateTime<Utc>,
    /// The present.
    pub now: DateTime<Utc>,
}

#[async_trait]
impl SideRow for KeepWebhookSecret {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        sqlx::query(
            "UPDATE webhook_secret SET valid_until = least(coalesce(valid_until, $2), $2)
             WHERE webhook_id = $1",
        )
        .bind(self.webhook_id.0)
        .bind(self.previous_until)
        .execute(&mut *conn)
        .await?;
        sqlx::query("DELETE FROM webhook_secret WHERE webhook_id = $1 AND valid_until <= $2")
            .bind(self.webhook_id.0)
            .bind(self.now)
            .execute(&mut *conn)
            .await?;
        let done = sqlx::query("INSERT INTO webhook_secret (webhook_id, sealed) VALUES ($1, $2)")
            .bind(self.webhook_id.0)
            .bind(&self.sealed)
            .execute(conn)
            .await?;
        one(&done, "webhook")
    }
}

/// Changes whether and from where events are sent. What failed before is forgotten: it is tried
/// again at once.
pub struct SetDeliveries {
    /// Of which.
    pub webhook_id: WebhookId,
    /// Whether events are sent, where that changes.
    pub enabled: Option<bool>,
    /// The last event that is not sent, where that changes.
    pub after: Option<i64>,
}

#[async_trait]
impl SideRow for SetDeliveries {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        let done = sqlx::query(
            "UPDATE webhook_delivery
             SET enabled = coalesce($2, enabled), cursor = coalesce($3, cursor), failures = 0,
                 failing_since = NULL, next_attempt_at = NULL
             WHERE webhook_id = $1",
        )
        .bind(self.webhook_id.0)
        .bind(self.enabled)
        .bind(self.after)
        .execute(conn)
        .await?;
        one(&done, "webhook")
    }
}

/// Sends nothing any more, and destroys the secrets.
pub struct RemoveWebhook(pub WebhookId);

#[async_trait]
impl SideRow for RemoveWebhook {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        sqlx::query("DELETE FROM webhook_secret WHERE webhook_id = $1")
            .bind(self.0.0)
            .execute(&mut *conn)
            .await?;
        let done = sqlx::query("DELETE FROM webhook_delivery WHERE webhook_id = $1")
            .bind(self.0.0)
            .execute(conn)
            .await?;
        one(&done, "webhook")
    }
}
