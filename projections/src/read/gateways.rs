//! Gateways.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::{
    Event, StoredEvent,
    gateway::{GatewayEvent, GatewayFields},
    ids::GatewayId,
};
use nexavpn_store::Recorded;
use serde::Serialize;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use crate::{
    ApplyError, ListQuery, Page, Projection, ReadError,
    list::{Filter, ListOptions, ListSpec, Sort},
    projection::{known, one, to_json, update},
    words::Id,
};

/// The writer.
#[derive(Debug)]
pub struct Gateways;

#[async_trait]
impl Projection for Gateways {
    fn name(&self) -> &'static str {
        "gateways"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["gateways"]
    }

    fn reads(&self) -> &'static [&'static str] {
        &[GatewayEvent::AGGREGATE_TYPE]
    }

    async fn apply(&self, conn: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError> {
        match known(event)? {
            Event::Gateway(id, e) => fold(conn, event, id.0, e).await,
            _ => Ok(0),
        }
    }
}

async fn fold(
    conn: &mut PgConnection,
    event: &Recorded,
    id: Uuid,
    e: &GatewayEvent,
) -> Result<i64, ApplyError> {
    let (grown, query) = match e {
        GatewayEvent::Created { fields } => {
            let query = update(
                "INSERT INTO gateways (id, fields, version, created_at, updated_at)
                 VALUES ($1, $4, $2, $3, $3)",
                id,
                event,
            );
            (1, query.bind(to_json(fields, event)?))
        }
        // A change names its fields as the fields themselves do, and only those that changed.
        GatewayEvent::Changed { change } => {
            let query = update(
                "UPDATE gateways SET fields = fields || $4, version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            );
            (0, query.bind(to_json(change, event)?))
        }
        GatewayEvent::KeySet { public_key } | GatewayEvent::KeySwitched { public_key } => {
            let query = update(
                "UPDATE gateways SET public_key = $4, version = $2, updated_at = $3 WHERE id = $1",
                id,
                event,
            );
            (0, query.bind(public_key.to_string()))
        }
        GatewayEvent::JoinTokenIssued { .. }
        | GatewayEvent::KeyRotationRequested { .. }
        | GatewayEvent::NextKeyAnnounced { .. }
        | GatewayEvent::KeyRotationCalledOff {}
        | GatewayEvent::DrainStarted { .. }
        | GatewayEvent::DrainEnded {} => {
            let query = update(
                "UPDATE gateways SET version = $2, updated_at = $3 WHERE id = $1",
                id,
                event,
            );
            (0, query)
        }
        GatewayEvent::Joined { agent_version } => {
            let query = update(
                "UPDATE gateways SET joined_at = $3, agent_version = $4, version = $2,
                        updated_at = $3
                 WHERE id = $1",
                id,
                event,
            );
            (0, query.bind(agent_version))
        }
        GatewayEvent::Deleted {} => {
            let query = update(
                "UPDATE gateways SET deleted_at = $3, version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            );
            (-1, query)
        }
    };
    one(&query.execute(conn).await?, event)?;
    Ok(grown)
}

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct GatewayRow {
    /// Its id.
    #[sqlx(try_from = "Id")]
    pub id: GatewayId,
    /// What an admin has set.
    #[sqlx(json)]
    #[serde(flatten)]
    pub fields: GatewayFields,
    /// Its WireGuard key in base64, once it has one.
    pub public_key: Option<String>,
    /// When a node last became this gateway.
    pub joined_at: Option<DateTime<Utc>>,
    /// The version of the agent that joined.
    pub agent_version: Option<String>,
    /// The aggregate's sequence, for the ETag.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

const COLUMNS: &str = "t.id, t.fields, t.public_key, t.joined_at, t.agent_version, t.version,
    t.created_at, t.updated_at";

const LIST: ListSpec = ListSpec {
    projection: "gateways",
    columns: COLUMNS,
    from: "read.gateways t",
    listed: Some("t.deleted_at IS NULL"),
    sorts: &[Sort::text("name", "t.name_key"), Sort::time("created_at", "t.created_at")],
    default_sort: "name",
    texts: &["t.name_key"],
    exact: &["t.public_key"],
    filters: &[Filter::flag("joined", "(t.joined_at IS NOT NULL) = ")],
};

/// A gateway that was not deleted.
///
/// # Errors
/// Where the database fails.
pub async fn get(db: impl PgExecutor<'_>, id: GatewayId) -> Result<Option<GatewayRow>, ReadError> {
    let sql =
        format!("SELECT {COLUMNS} FROM read.gateways t WHERE t.id = $1 AND deleted_at IS NULL");
    Ok(sqlx::query_as(&sql).bind(id.0).fetch_optional(db).await?)
}

/// The gateways that were not deleted. Sorts: `name`, `created_at`. Filters: `joined`.
///
/// # Errors
/// `validation_error` for an unknown sort or filter; where the database fails.
pub async fn list(pool: &PgPool, query: &ListQuery) -> Result<Page<GatewayRow>, ReadError> {
    LIST.page(pool, query).await
}

/// What the list takes.
#[must_use]
pub fn list_options() -> ListOptions {
    LIST.options()
}
