//! Devices: the queries.

use std::{collections::HashMap, net::IpAddr};

use chrono::{DateTime, Utc};

use nexavpn_domain::{
    ids::{DeviceId, GatewayId, UserId},
    values::PublicKey,
};
use serde::Serialize;
use sqlx::{FromRow, PgExecutor, PgPool, Row as _, postgres::PgRow, types::ipnetwork::IpNetwork};
use uuid::Uuid;

use crate::{
    ListQuery, Page, ReadError,
    list::{Filter, ListOptions, ListSpec, Sort},
    words::{Word, decode},
};

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceRow {
    /// Its id.
    pub id: DeviceId,
    /// Whose device it is.
    pub owner_id: UserId,
    /// The owner's login name; none once erased.
    pub owner_username: Option<String>,
    /// What the owner calls it; none once erased.
    pub name: Option<String>,
    /// As the client says.
    pub platform: String,
    /// As the client said last.
    pub os_version: Option<String>,
    /// As the client said last.
    pub app_version: Option<String>,
    /// The client's mark of the machine.
    pub fingerprint: Option<String>,
    /// Its WireGuard key.
    pub public_key: PublicKey,
    /// Who made the key: `client` or `server`.
    pub key_origin: String,
    /// Since when it has this key.
    pub key_changed_at: DateTime<Utc>,
    /// Its gateway.
    pub gateway_id: GatewayId,
    /// The gateway's name, unless the gateway is unknown.
    pub gateway_name: Option<String>,
    /// Its IPv4 tunnel address.
    pub address_v4: IpAddr,
    /// Its IPv6 tunnel address, where the pool has them.
    pub address_v6: Option<IpAddr>,
    /// Whether an admin lets it in.
    pub enabled: bool,
    /// Whether its owner is there and enabled.
    pub owner_enabled: bool,
    /// Whether it is a peer, and if not, why: the domain's `DeviceStatus` in words.
    pub status: String,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// By when it needs a new key.
    pub rotation_deadline: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The aggregate's sequence, for the ETag.
    pub version: i64,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl DeviceRow {
    /// Whether a new profile and key are asked for.
    #[must_use]
    pub const fn reprovision_required(&self) -> bool {
        self.rotation_deadline.is_some()
    }
}

impl FromRow<'_, PgRow> for DeviceRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: DeviceId(row.try_get("id")?),
            owner_id: UserId(row.try_get("owner_id")?),
            owner_username: row.try_get("owner_username")?,
            name: row.try_get("name")?,
            platform: row.try_get("platform")?,
            os_version: row.try_get("os_version")?,
            app_version: row.try_get("app_version")?,
            fingerprint: row.try_get("fingerprint")?,
            public_key: decode("public_key", row.try_get::<Word, _>("public_key")?)?,
            key_origin: row.try_get("key_origin")?,
            key_changed_at: row.try_get("key_changed_at")?,
            gateway_id: GatewayId(row.try_get("gateway_id")?),
            gateway_name: row.try_get("gateway_name")?,
            address_v4: row.try_get::<IpNetwork, _>("address_v4")?.ip(),
            address_v6: row.try_get::<Option<IpNetwork>, _>("address_v6")?.map(|n| n.ip()),
            enabled: row.try_get("enabled")?,
            owner_enabled: row.try_get("owner_enabled")?,
            status: row.try_get("status")?,
            expires_at: row.try_get("expires_at")?,
            rotation_deadline: row.try_get("rotation_deadline")?,
            revoked_at: row.try_get("revoked_at")?,
            version: row.try_get("version")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

const COLUMNS: &str = "t.id, t.owner_id, t.name, t.platform, t.os_version, t.app_version,
    t.fingerprint, t.public_key, t.key_origin, t.key_changed_at, t.gateway_id, t.address_v4,
    t.address_v6, t.enabled, t.owner_enabled, t.status, t.expires_at, t.rotation_deadline,
    t.revoked_at, t.version, t.created_at, t.updated_at,
    (SELECT u.username FROM read.users u WHERE u.id = t.owner_id) AS owner_username,
    (SELECT g.fields->>'name' FROM read.gateways g WHERE g.id = t.gateway_id) AS gateway_name";

const LIST: ListSpec = ListSpec {
    projection: "devices",
    columns: COLUMNS,
    from: "read.devices t",
    listed: None,
    sorts: &[
        Sort::text("name", "t.name_key"),
        Sort::time("created_at", "t.created_at"),
        Sort::time("due_at", "t.due_at"),
    ],
    default_sort: "name",
    texts: &["t.name_key"],
    exact: &["t.public_key", "host(t.address_v4)", "host(t.address_v6)"],
    filters: &[
        Filter::id("owner", "t.owner_id = "),
        Filter::id("gateway", "t.gateway_id = "),
        Filter::word(
            "status",
            "t.status = ",
            &["active", "disabled", "owner_disabled", "expired", "rotation_lapsed", "revoked"],
        ),
        Filter::flag("revoked", "(t.revoked_at IS NOT NULL) = "),
        Filter::text("platform", "t.platform = "),
        Filter::text(
            "lacks_gateway_key",
            "NOT EXISTS (SELECT FROM device_gateway_key k
                         WHERE k.device_id = t.id AND k.public_key = ",
        )
        .closed(")"),
        Filter::time("due_before", "t.due_at <= "),
        Filter::time(
            "handshake_since",
            "EXISTS (SELECT FROM peer_status s
                     WHERE s.device_id = t.id AND s.latest_handshake >= ",
        )
        .closed(")"),
        Filter::time("seen_since", "t.id IN (SELECT s.device_id FROM (SELECT ").closed(
            " AS since) v, LATERAL (
                 SELECT p.device_id FROM peer_status p WHERE p.latest_handshake >= v.since
                 UNION
                 SELECT c.device_id FROM device_telemetry c WHERE c.last_seen_at >= v.since) s)",
        ),
    ],
};

/// A device, also a revoked one.
///
/// # Errors
/// Where the database fails.
pub async fn get(db: impl PgExecutor<'_>, id: DeviceId) -> Result<Option<DeviceRow>, ReadError> {
    let sql = format!("SELECT {COLUMNS} FROM read.devices t WHERE t.id = $1");
    Ok(sqlx::query_as(&sql).bind(id.0).fetch_optional(db).await?)
}

/// What people call a device and its owner; none where that was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceNames {
    /// The device's name.
    pub name: Option<String>,
    /// The owner's login name.
    pub username: Option<String>,
}

/// The names of some devices, as far as they are known.
///
/// # Errors
/// Where the database fails.
pub async fn names(
    pool: &PgPool,
    ids: &[DeviceId],
) -> Result<HashMap<DeviceId, DeviceNames>, ReadError> {
    let rows: Vec<(Uuid, Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT t.id, t.name, u.username FROM read.devices t
         LEFT JOIN read.users u ON u.id = t.owner_id WHERE t.id = ANY($1)",
    )
    .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(pool)
    .await?;
    let named = |(id, name, username)| (DeviceId(id), DeviceNames { name, username });
    Ok(rows.into_iter().map(named).collect())
}

/// All devices, revoked ones among them. Sorts: `name`, `created_at`, `due_at` (when it expires or needs
/// a new key). Filters: `owner`, `gateway`, `status`, `revoked`, `platform`, `lacks_gateway_key` (those
/// that have not fetched a profile with this key), `due_before`, `handshake_since`, `seen_since` (a
/// handshake or a heartbeat).
///
/// # Errors
/// `validation_error` for an unknown sort or filter; where the database fails.
pub async fn list(pool: &PgPool, query: &ListQuery) -> Result<Page<DeviceRow>, ReadError> {
    LIST.page(pool, query).await
}

/// What the list takes.
#[must_use]
pub fn list_options() -> ListOptions {
    LIST.options()
}
