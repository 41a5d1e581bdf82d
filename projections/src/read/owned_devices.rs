//! All devices of one user, as dialects list them: at once, and without those that are revoked.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    ids::{DeviceId, GatewayId, UserId},
    values::PublicKey,
};
use sqlx::{FromRow, PgExecutor, Row as _, postgres::PgRow, types::ipnetwork::IpNetwork};

use crate::{
    ReadError,
    words::{Word, decode},
};

/// The projection that they are rows of.
pub const PROJECTION: &str = "devices";

/// A device of a known user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedDevice {
    /// Its id.
    pub id: DeviceId,
    /// What the owner calls it; none once erased.
    pub name: Option<String>,
    /// Its WireGuard key.
    pub public_key: PublicKey,
    /// Its gateway.
    pub gateway_id: GatewayId,
    /// Its IPv4 tunnel address.
    pub address_v4: IpAddr,
    /// Whether it is a peer of its gateway.
    pub active: bool,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for OwnedDevice {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: DeviceId(row.try_get("id")?),
            name: row.try_get("name")?,
            public_key: decode("public_key", row.try_get::<Word, _>("public_key")?)?,
            gateway_id: GatewayId(row.try_get("gateway_id")?),
            address_v4: row.try_get::<IpNetwork, _>("address_v4")?.ip(),
            active: row.try_get("active")?,
            expires_at: row.try_get("expires_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, name, public_key, gateway_id, address_v4, status = 'active' AS active,
                    expires_at, created_at, updated_at
             FROM read.devices WHERE owner_id = $1 AND revoked_at IS NULL ",
            $condition
        )
    };
}

/// All of them, the oldest first.
///
/// # Errors
/// Where the database fails.
pub async fn list(db: impl PgExecutor<'_>, owner: UserId) -> Result<Vec<OwnedDevice>, ReadError> {
    let rows = sqlx::query_as(select!("ORDER BY created_at, id"));
    Ok(rows.bind(owner.0).fetch_all(db).await?)
}

/// One of them.
///
/// # Errors
/// Where the database fails.
pub async fn get(
    db: impl PgExecutor<'_>,
    owner: UserId,
    id: DeviceId,
) -> Result<Option<OwnedDevice>, ReadError> {
    let row = sqlx::query_as(select!("AND id = $2"));
    Ok(row.bind(owner.0).bind(id.0).fetch_optional(db).await?)
}
