//! Webhooks.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::{Event, StoredEvent, ids::WebhookId, webhook::WebhookEvent};
use nexavpn_store::Recorded;
use serde::Serialize;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool, types::Json};

use crate::{
    ApplyError, ListQuery, Page, Projection, ReadError,
    list::{Filter, ListOptions, ListSpec, Sort},
    projection::{known, one, update},
    words::Id,
};

/// The writer.
#[derive(Debug)]
pub struct Webhooks;

#[async_trait]
impl Projection for Webhooks {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["webhooks"]
    }

    fn reads(&self) -> &'static [&'static str] {
        &[WebhookEvent::AGGREGATE_TYPE]
    }

    async fn apply(&self, conn: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError> {
        match known(event)? {
            Event::Webhook(id, e) => fold(conn, event, *id, e).await,
            _ => Ok(0),
        }
    }
}

async fn fold(
    conn: &mut PgConnection,
    event: &Recorded,
    id: WebhookId,
    e: &WebhookEvent,
) -> Result<i64, ApplyError> {
    let (grown, result) = match e {
        WebhookEvent::Created { url, description, event_types } => {
            let query = update(
                "INSERT INTO webhooks (id, url, description, event_types, enabled, version,
                                       created_at, updated_at)
                 VALUES ($1, $4, $5, $6, true, $2, $3, $3)",
                id.0,
                event,
            );
            (1, query.bind(url).bind(description).bind(Json(event_types)).execute(conn).await?)
        }
        WebhookEvent::Changed { url, description, event_types } => {
            let query = update(
                "UPDATE webhooks SET url = coalesce($4, url),
                        description = coalesce($5, description),
                        event_types = coalesce($6, event_types), version = $2, updated_at = $3
                 WHERE id = $1",
                id.0,
                event,
            );
            let types = event_types.as_ref().map(Json);
            (0, query.bind(url).bind(description).bind(types).execute(conn).await?)
        }
        WebhookEvent::SecretRotated { previous_until } => {
            let query = update(
                "UPDATE webhooks SET previous_until = $4, version = $2, updated_at = $3
                 WHERE id = $1",
                id.0,
                event,
            );
            (0, query.bind(previous_until).execute(conn).await?)
        }
        WebhookEvent::Enabled {} => {
            let query = update(
                "UPDATE webhooks SET enabled = true, disabled_because = NULL, version = $2,
                        updated_at = $3
                 WHERE id = $1",
                id.0,
                event,
            );
            (0, query.execute(conn).await?)
        }
        WebhookEvent::Disabled { because } => {
            let query = update(
                "UPDATE webhooks SET enabled = false, disabled_because = $4, version = $2,
                        updated_at = $3
                 WHERE id = $1",
                id.0,
                event,
            );
            (0, query.bind(because.as_str()).execute(conn).await?)
        }
        WebhookEvent::Replayed { .. } => {
            let query = update(
                "UPDATE webhooks SET version = $2, updated_at = $3 WHERE id = $1",
                id.0,
                event,
            );
            (0, query.execute(conn).await?)
        }
        WebhookEvent::Deleted {} => {
            let query = update(
                "UPDATE webhooks SET enabled = false, deleted_at = $3, version = $2,
                        updated_at = $3
                 WHERE id = $1",
                id.0,
                event,
            );
            (-1, query.execute(conn).await?)
        }
    };
    one(&result, event)?;
    Ok(grown)
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct WebhookRow {
    /// Its id.
    #[sqlx(try_from = "Id")]
    pub id: WebhookId,
    /// Where to.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Which events; all where there is none.
    #[sqlx(json)]
    pub event_types: Vec<String>,
    /// Whether events are sent.
    pub enabled: bool,
    /// Why not: `requested` or `gone`.
    pub disabled_because: Option<String>,
    /// Until when the secret before the last rotation signs as well.
    pub previous_until: Option<DateTime<Utc>>,
    /// The aggregate's sequence, for the ETag.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

const COLUMNS: &str = "t.id, t.url, t.description, t.event_types, t.enabled, t.disabled_because,
    t.previous_until, t.version, t.created_at, t.updated_at";

const LIST: ListSpec = ListSpec {
    projection: "webhooks",
    columns: COLUMNS,
    from: "read.webhooks t",
    listed: Some("t.deleted_at IS NULL"),
    sorts: &[Sort::time("created_at", "t.created_at")],
    default_sort: "created_at",
    texts: &[],
    exact: &[],
    filters: &[Filter::flag("enabled", "t.enabled = ")],
};

/// A webhook that was not deleted.
///
/// # Errors
/// Where the database fails.
pub async fn get(db: impl PgExecutor<'_>, id: WebhookId) -> Result<Option<WebhookRow>, ReadError> {
    let sql =
        format!("SELECT {COLUMNS} FROM read.webhooks t WHERE t.id = $1 AND deleted_at IS NULL");
    Ok(sqlx::query_as(&sql).bind(id.0).fetch_optional(db).await?)
}

/// The webhooks that were not deleted. Sort: `created_at`. Filter: `enabled`.
///
/// # Errors
/// `validation_error` for an unknown sort or filter; where the database fails.
pub async fn list(pool: &PgPool, query: &ListQuery) -> Result<Page<WebhookRow>, ReadError> {
    LIST.page(pool, query).await
}

/// What the list takes.
#[must_use]
pub fn list_options() -> ListOptions {
    LIST.options()
}
