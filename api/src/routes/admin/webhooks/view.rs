//! A webhook as lists and entity answers show it.

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use nexavpn_commands::{Deliveries, WebhookIssued};
use nexavpn_domain::ids::WebhookId;
use nexavpn_projections::{
    audit,
    webhooks::{self, WebhookRow},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    error::ApiError,
    idempotency::shows_secrets,
    routes::admin::{entity::Entity, export::Exported},
    webhooks::Standing,
};

/// A webhook. Its secrets are shown when they are made, and never again.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(super) struct WebhookView {
    id: WebhookId,
    /// Where events are sent to.
    url: String,
    /// What it is for.
    description: String,
    /// Which events: types, or what stands before a `*`; all where there is none.
    event_types: Vec<String>,
    /// Whether events are sent.
    enabled: bool,
    /// Why not: `requested`, or `gone` where the endpoint answered 410.
    disabled_because: Option<String>,
    /// Until when the secret before the last rotation signs as well.
    previous_secret_until: Option<DateTime<Utc>>,
    /// How far it has come; missing for the moment where it was just made or deleted.
    delivery: Option<DeliveryView>,
    /// The number in the ETag.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// How a webhook's endpoint stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
struct DeliveryView {
    /// `disabled`, `ok`, `failing`, or `dead` once it has failed for an hour. It is tried on all the
    /// same, and nothing is skipped.
    state: Standing,
    /// The number of the last event that was taken, or passed over because it is not wanted.
    cursor: i64,
    /// How many events there are after it, wanted or not.
    behind: i64,
    /// Attempts that failed since the last one that did not.
    failures: i32,
    /// When the first of them was.
    failing_since: Option<DateTime<Utc>>,
    /// When the next one is.
    next_attempt_at: Option<DateTime<Utc>>,
    /// When the last one was.
    last_attempt_at: Option<DateTime<Utc>>,
    /// The status that was answered to it, if it was answered.
    last_status: Option<i16>,
    /// What was wrong with it.
    last_error: Option<String>,
    /// When an event was taken last.
    delivered_at: Option<DateTime<Utc>>,
}

impl DeliveryView {
    fn new(deliveries: Deliveries, head: i64, now: DateTime<Utc>) -> Self {
        Self {
            state: Standing::of(&deliveries, now),
            cursor: deliveries.cursor,
            behind: (head - deliveries.cursor).max(0),
            failures: deliveries.failures,
            failing_since: deliveries.failing_since,
            next_attempt_at: deliveries.next_attempt_at,
            last_attempt_at: deliveries.last_attempt_at,
            last_status: deliveries.last_status,
            last_error: deliveries.last_error,
            delivered_at: deliveries.delivered_at,
        }
    }
}

impl WebhookView {
    /// A webhook that was not deleted; 404 otherwise.
    pub(super) async fn load(app: &App, id: WebhookId) -> Result<Self, ApiError> {
        let row = webhooks::get(app.direct(), id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("webhook"))?;
        let mut all = Self::all(app, vec![row]).await?;
        all.pop().ok_or_else(|| ApiError::not_found("webhook"))
    }

    /// Several, with how they stand.
    pub(super) async fn all(app: &App, rows: Vec<WebhookRow>) -> Result<Vec<Self>, ApiError> {
        let ids: Vec<WebhookId> = rows.iter().map(|row| row.id).collect();
        let deliveries = app.commands.deliveries(Some(&ids)).await?;
        let mut deliveries: HashMap<_, _> =
            deliveries.into_iter().map(|d| (WebhookId(d.webhook_id), d)).collect();
        let (head, now) = (app.projections.folded(audit::NAME), app.commands.now());
        let view = |row: WebhookRow| Self {
            delivery: deliveries.remove(&row.id).map(|d| DeliveryView::new(d, head, now)),
            id: row.id,
            url: row.url,
            description: row.description,
            event_types: row.event_types,
            enabled: row.enabled,
            disabled_because: row.disabled_because,
            previous_secret_until: row.previous_until.filter(|until| *until > now),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        Ok(rows.into_iter().map(view).collect())
    }
}

impl Entity for WebhookView {
    fn version(&self) -> i64 {
        self.version
    }
}

impl Exported for WebhookView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "url",
        "description",
        "event_types",
        "enabled",
        "disabled_because",
        "delivery.state",
        "delivery.cursor",
        "delivery.failing_since",
        "delivery.last_status",
        "delivery.last_error",
        "created_at",
        "updated_at",
    ];
}

/// A secret, shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct WebhookSecret {
    /// Whose.
    id: WebhookId,
    /// `whsec_…`: what the endpoint verifies signatures with.
    secret: String,
    /// The webhook as it is now; none where reads are behind.
    webhook: Option<WebhookView>,
}

impl WebhookSecret {
    /// The answer that shows it. The change has happened, and nothing may keep the secret back.
    pub(super) async fn answer(app: &App, status: StatusCode, issued: &WebhookIssued) -> Response {
        let secret = Self {
            id: issued.id,
            secret: issued.secret.expose().to_owned(),
            webhook: WebhookView::load(app, issued.id).await.ok(),
        };
        shows_secrets((status, axum::Json(secret)).into_response(), &["/secret"])
    }
}
