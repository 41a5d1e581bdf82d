//! Heartbeats, handshakes and transfer of devices: only the newest of each.

use std::collections::HashMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_bundle::PeerStatus;
use nexavpn_domain::ids::{DeviceId, GatewayId};
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{ReportError, Reports, checked::plain};

const MAX_VERSION: usize = 64;

/// A device's newest heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceTelemetry {
    /// When it came.
    pub last_seen_at: DateTime<Utc>,
    /// The version of the client, as it says.
    pub app_version: Option<String>,
}

/// What a device's gateway reports about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerTelemetry {
    /// The latest handshake, if there was one.
    pub latest_handshake: Option<DateTime<Utc>>,
    /// Bytes received from the device since its gateway's interface was made.
    pub rx_bytes: i64,
    /// Bytes sent to the device since its gateway's interface was made.
    pub tx_bytes: i64,
    /// When any of this last changed.
    pub reported_at: DateTime<Utc>,
}

/// The peers of one report, as columns.
#[derive(Debug, Default)]
pub(super) struct Peers {
    devices: Vec<Uuid>,
    handshakes: Vec<Option<DateTime<Utc>>>,
    rx: Vec<i64>,
    tx: Vec<i64>,
}

impl Reports {
    /// Notes a device's heartbeat.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn record_heartbeat(
        &self,
        id: DeviceId,
        now: DateTime<Utc>,
        app_version: Option<&str>,
    ) -> Result<(), ReportError> {
        let done = sqlx::query(
            "WITH telemetry AS (SELECT set_config('synchronous_commit', 'off', true))
             INSERT INTO device_telemetry AS old (device_id, last_seen_at, app_version)
             SELECT $1, $2, $3 FROM telemetry
             ON CONFLICT (device_id) DO UPDATE SET
                 last_seen_at = greatest(old.last_seen_at, excluded.last_seen_at),
                 app_version = coalesce(excluded.app_version, old.app_version)",
        )
        .bind(id.0)
        .bind(now)
        .bind(app_version.map(|text| plain(text, MAX_VERSION)).filter(|text| !text.is_empty()))
        .execute(self.pool())
        .await?;
        Ok(crate::one_row(&done)?)
    }

    /// The newest heartbeats of those devices that ever sent one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn last_seen(
        &self,
        ids: &[DeviceId],
    ) -> Result<HashMap<DeviceId, DeviceTelemetry>, ReportError> {
        let rows: Vec<(Uuid, DateTime<Utc>, Option<String>)> = sqlx::query_as(
            "SELECT device_id, last_seen_at, app_version FROM device_telemetry
             WHERE device_id = ANY($1)",
        )
        .bind(uuids(ids))
        .fetch_all(self.pool())
        .await?;
        let entry = |(id, last_seen_at, app_version)| {
            (DeviceId(id), DeviceTelemetry { last_seen_at, app_version })
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Handshakes and transfer of those devices that a gateway ever reported.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn peers(
        &self,
        ids: &[DeviceId],
    ) -> Result<HashMap<DeviceId, PeerTelemetry>, ReportError> {
        let rows = sqlx::query(
            "SELECT device_id, latest_handshake, rx_bytes, tx_bytes, reported_at FROM peer_status
             WHERE device_id = ANY($1)",
        )
        .bind(uuids(ids))
        .fetch_all(self.pool())
        .await?;
        let entry = |row: &PgRow| {
            let peer = PeerTelemetry {
                latest_handshake: row.try_get("latest_handshake")?,
                rx_bytes: row.try_get("rx_bytes")?,
                tx_bytes: row.try_get("tx_bytes")?,
                reported_at: row.try_get("reported_at")?,
            };
            Ok((DeviceId(row.try_get("device_id")?), peer))
        };
        rows.iter().map(entry).collect()
    }

    /// Finds the devices of the reported peers, among those of this gateway only: a gateway says
    /// nothing about another one's devices. Unknown keys (just revoked or replaced) are left out.
    pub(super) fn peers_of(
        &self,
        id: GatewayId,
        reported: &[PeerStatus],
        now: DateTime<Utc>,
    ) -> Peers {
        let by_key: HashMap<[u8; 32], DeviceId> = self.fleet.read(|fleet| {
            let devices = fleet.devices_of_gateway(id);
            devices.map(|(id, device)| (*device.public_key.as_bytes(), id)).collect()
        });
        let mut newest: HashMap<DeviceId, &PeerStatus> = HashMap::with_capacity(reported.len());
        for peer in reported {
            let key = BASE64_STANDARD.decode(&peer.public_key).ok();
            let key = key.and_then(|key| <[u8; 32]>::try_from(key).ok());
            if let Some(device) = key.and_then(|key| by_key.get(&key)) {
                newest.insert(*device, peer);
            }
        }
        let mut peers = Peers::default();
        for (device, peer) in newest {
            peers.devices.push(device.0);
            peers.handshakes.push(peer.latest_handshake.and_then(|at| handshake(at, now)));
            peers.rx.push(i64::try_from(peer.rx_bytes).unwrap_or(i64::MAX));
            peers.tx.push(i64::try_from(peer.tx_bytes).unwrap_or(i64::MAX));
        }
        peers
    }
}

impl Peers {
    /// Writes those that have changed. An interface that was made anew knows no handshakes: the
    /// latest one stays known.
    pub(super) async fn store(
        self,
        db: &mut PgConnection,
        gateway: GatewayId,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        if self.devices.is_empty() {
            return Ok(());
        }
        // How many rows change depends on what has changed: any number is right.
        sqlx::query(
            "INSERT INTO peer_status AS old
                 (device_id, gateway_id, latest_handshake, rx_bytes, tx_bytes, reported_at)
             SELECT device_id, $1, latest_handshake, rx_bytes, tx_bytes, $2
             FROM unnest($3::uuid[], $4::timestamptz[], $5::bigint[], $6::bigint[])
                 AS new (device_id, latest_handshake, rx_bytes, tx_bytes)
             ORDER BY device_id
             ON CONFLICT (device_id) DO UPDATE SET
                 gateway_id = excluded.gateway_id,
                 latest_handshake = greatest(old.latest_handshake, excluded.latest_handshake),
                 rx_bytes = excluded.rx_bytes, tx_bytes = excluded.tx_bytes,
                 reported_at = excluded.reported_at
             WHERE (old.gateway_id, old.latest_handshake, old.rx_bytes, old.tx_bytes)
                 IS DISTINCT FROM (excluded.gateway_id,
                     greatest(old.latest_handshake, excluded.latest_handshake),
                     excluded.rx_bytes, excluded.tx_bytes)",
        )
        .bind(gateway.0)
        .bind(now)
        .bind(self.devices)
        .bind(self.handshakes)
        .bind(self.rx)
        .bind(self.tx)
        .execute(db)
        .await?;
        Ok(())
    }
}

/// WireGuard says 0 for none. A node's clock may be ahead of ours; a day is a mistake.
fn handshake(at: i64, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let at = DateTime::from_timestamp(at, 0).filter(|_| at > 0)?;
    (at <= now + TimeDelta::days(1)).then_some(at)
}

fn uuids(ids: &[DeviceId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.0).collect()
}
