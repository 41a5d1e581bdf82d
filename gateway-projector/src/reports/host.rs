//! Samples of the nodes' hosts, in tables that are partitioned by the day.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_bundle::{HostInterface, HostMetrics};
use nexavpn_domain::ids::GatewayId;
use sqlx::PgConnection;

use super::{ReportError, Reports, checked::plain};

/// For how many days samples are kept, unless set otherwise.
pub const TELEMETRY_DAYS: u16 = 90;

/// No more than one sample in so long: a node reports more often while its bundle changes.
const BETWEEN_SAMPLES: Duration = Duration::from_secs(10);
/// Partitions for so many days are made ahead, so that reports are kept also where nobody makes
/// partitions for a while.
const DAYS_AHEAD: i32 = 3;
const MAX_INTERFACES: usize = 64;
/// Linux allows no longer name (`IFNAMSIZ`).
const MAX_INTERFACE_NAME: usize = 15;
const MAX_NAME: usize = 64;
const MAX_EXACT: i64 = (1 << 53) - 1;
/// There is no partition for the row (`check_violation`, as PostgreSQL's documentation of
/// partitioning says).
const NO_PARTITION: &str = "23514";

impl Reports {
    /// Makes the partitions of the next days, and drops those of days past keeping. Any number of
    /// processes may do so.
    ///
    /// # Errors
    /// Where the database fails, or somebody reads for so long that the next call has to do it.
    pub async fn keep_partitions(&self, now: DateTime<Utc>) -> Result<(), ReportError> {
        let dropped: i32 = sqlx::query_scalar(
            "SELECT keep_telemetry_partitions(($1 AT TIME ZONE 'UTC')::date, $2, $3)",
        )
        .bind(now)
        .bind(DAYS_AHEAD)
        .bind(i32::from(self.telemetry_days))
        .fetch_one(self.pool())
        .await?;
        if dropped > 0 {
            tracing::info!(partitions = dropped, "old samples of hosts have been dropped");
        }
        Ok(())
    }

    /// Keeps a sample, unless one was kept a moment ago.
    pub(super) async fn record_host(
        &self,
        id: GatewayId,
        host: &HostMetrics,
        now: DateTime<Utc>,
    ) -> Result<(), ReportError> {
        match self.store_host(id, host, now).await {
            Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some(NO_PARTITION) => {
                self.keep_partitions(now).await?;
                Ok(self.store_host(id, host, now).await?)
            }
            done => Ok(done?),
        }
    }

    async fn store_host(
        &self,
        id: GatewayId,
        host: &HostMetrics,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.pool().begin().await?;
        sqlx::query("SELECT set_config('synchronous_commit', 'off', true)")
            .execute(&mut *tx)
            .await?;
        if claim_moment(&mut tx, id, host, now).await? {
            store_sample(&mut tx, id, host, now).await?;
            store_interfaces(&mut tx, id, host, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Keeps the facts, and says whether a sample is due. Reports that come at once wait here for each
/// other.
async fn claim_moment(
    db: &mut PgConnection,
    id: GatewayId,
    host: &HostMetrics,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let between = TimeDelta::from_std(BETWEEN_SAMPLES).unwrap_or_default();
    // Nothing is written where the last sample is young.
    let done = sqlx::query(
        "INSERT INTO gateway_host AS old
             (gateway_id, os_name, os_version, kernel, cpus, sampled_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (gateway_id) DO UPDATE SET
             os_name = excluded.os_name, os_version = excluded.os_version,
             kernel = excluded.kernel, cpus = excluded.cpus, sampled_at = excluded.sampled_at
         WHERE old.sampled_at <= $7",
    )
    .bind(id.0)
    .bind(plain(&host.os_name, MAX_NAME))
    .bind(plain(&host.os_version, MAX_NAME))
    .bind(plain(&host.kernel, MAX_NAME))
    .bind(number(host.cpus))
    .bind(now)
    .bind(now - between)
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn store_sample(
    db: &mut PgConnection,
    id: GatewayId,
    host: &HostMetrics,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO host_sample (gateway_id, at, uptime_s, cpus, cpu_user_ms, cpu_system_ms,
             cpu_iowait_ms, cpu_steal_ms, cpu_idle_ms, memory_total, memory_available,
             disk_total, disk_free)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(id.0)
    .bind(now)
    .bind(number(host.uptime_s))
    .bind(number(host.cpus))
    .bind(number(host.cpu.user_ms))
    .bind(number(host.cpu.system_ms))
    .bind(number(host.cpu.iowait_ms))
    .bind(number(host.cpu.steal_ms))
    .bind(number(host.cpu.idle_ms))
    .bind(number(host.memory_total))
    .bind(number(host.memory_available))
    .bind(number(host.disk_total))
    .bind(number(host.disk_free))
    .execute(db)
    .await?;
    crate::one_row(&done)
}

async fn store_interfaces(
    db: &mut PgConnection,
    id: GatewayId,
    host: &HostMetrics,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let mut seen = HashSet::new();
    let interfaces: Vec<&HostInterface> = host
        .interfaces
        .iter()
        .filter(|i| is_interface(&i.name) && seen.insert(i.name.as_str()))
        .take(MAX_INTERFACES)
        .collect();
    let column = |of: fn(&HostInterface) -> u64| -> Vec<i64> {
        interfaces.iter().map(|i| number(of(i))).collect()
    };
    let done = sqlx::query(
        "INSERT INTO host_interface_sample (gateway_id, at, uptime_s, interface, rx_bytes, tx_bytes,
             rx_packets, tx_packets, rx_errors, tx_errors)
         SELECT $1, $2, $3, * FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
             $8::bigint[], $9::bigint[], $10::bigint[])",
    )
    .bind(id.0)
    .bind(now)
    .bind(number(host.uptime_s))
    .bind(interfaces.iter().map(|i| i.name.as_str()).collect::<Vec<_>>())
    .bind(column(|i| i.rx_bytes))
    .bind(column(|i| i.tx_bytes))
    .bind(column(|i| i.rx_packets))
    .bind(column(|i| i.tx_packets))
    .bind(column(|i| i.rx_errors))
    .bind(column(|i| i.tx_errors))
    .execute(db)
    .await?;
    if done.rows_affected() == interfaces.len() as u64 {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound)
    }
}

fn is_interface(name: &str) -> bool {
    (1..=MAX_INTERFACE_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
}

/// PostgreSQL has no unsigned numbers, JSON none above this that are exact, and nobody has that
/// much of anything.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(MAX_EXACT).min(MAX_EXACT)
}
