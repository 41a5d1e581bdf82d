//! Samples of a node's host over a range of time.

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_domain::ids::GatewayId;
use sqlx::FromRow;

use super::{ReportError, Reports};

/// The sample before the range tells what the first one of the range has counted, where it is not
/// older than this.
const BEFORE: TimeDelta = TimeDelta::minutes(10);

/// A range of time in steps of equal length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostRange {
    /// Its beginning.
    pub from: DateTime<Utc>,
    /// Its end, which is not part of it.
    pub to: DateTime<Utc>,
    /// The length of a step; more than nothing.
    pub step: TimeDelta,
}

/// What a node's host has been like.
#[derive(Debug, Clone)]
pub struct HostHistory {
    /// The newest facts, where there ever was a sample.
    pub facts: Option<HostFacts>,
    /// The steps with samples in them, in order.
    pub points: Vec<HostPoint>,
    /// The interfaces in those steps, by step and name.
    pub interfaces: Vec<InterfacePoint>,
}

/// The newest facts about a node's host.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct HostFacts {
    /// Such as `Debian GNU/Linux`.
    pub os_name: String,
    /// Such as `12`.
    pub os_version: String,
    /// The kernel's release.
    pub kernel: String,
    /// How many CPUs.
    pub cpus: i64,
    /// When the last sample was taken.
    pub sampled_at: DateTime<Utc>,
}

/// One step of a host's history. What was counted between two samples belongs to the later one.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct HostPoint {
    /// The step's beginning.
    pub at: DateTime<Utc>,
    /// How many samples are in it.
    pub samples: i64,
    /// How often the host was started again.
    pub restarts: i64,
    /// Seconds since the host started, at the last sample.
    pub uptime_s: i64,
    /// Milliseconds of CPU that programs took; none where there was nothing to compare with.
    pub cpu_user_ms: Option<i64>,
    /// The same of the kernel.
    pub cpu_system_ms: Option<i64>,
    /// The same of waiting for disks.
    pub cpu_iowait_ms: Option<i64>,
    /// The same of other guests of the machine.
    pub cpu_steal_ms: Option<i64>,
    /// The same of doing nothing.
    pub cpu_idle_ms: Option<i64>,
    /// The busiest interval between two samples: the share of the CPUs' time, from 0 to 1.
    pub cpu_busy_max: Option<f64>,
    /// Bytes of memory, at the last sample.
    pub memory_total: i64,
    /// Bytes of memory in use on average.
    pub memory_used_avg: f64,
    /// Bytes of memory in use at most.
    pub memory_used_max: i64,
    /// Bytes of the file system, at the last sample.
    pub disk_total: i64,
    /// Bytes of it in use on average.
    pub disk_used_avg: f64,
    /// Bytes of it in use at most.
    pub disk_used_max: i64,
}

/// One step of a network interface's history: what was counted in it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct InterfacePoint {
    /// The step's beginning.
    pub at: DateTime<Utc>,
    /// The interface's name.
    pub interface: String,
    /// Bytes received.
    pub rx_bytes: i64,
    /// Bytes sent.
    pub tx_bytes: i64,
    /// Packets received.
    pub rx_packets: i64,
    /// Packets sent.
    pub tx_packets: i64,
    /// Packets received wrong.
    pub rx_errors: i64,
    /// Packets that could not be sent.
    pub tx_errors: i64,
}

/// Averages, maxima and deltas by step. A delta over a restart counts from nothing.
const POINTS: &str = "
    WITH sample AS (
        SELECT *, greatest(memory_total - memory_available, 0) AS memory_used,
               greatest(disk_total - disk_free, 0) AS disk_used,
               uptime_s < lag(uptime_s) OVER w AS restarted
        FROM host_sample WHERE gateway_id = $1 AND at >= $5 AND at < $3
        WINDOW w AS (ORDER BY at)
    ), change AS (
        SELECT *,
               counted(cpu_user_ms, lag(cpu_user_ms) OVER w, restarted) AS user_ms,
               counted(cpu_system_ms, lag(cpu_system_ms) OVER w, restarted) AS system_ms,
               counted(cpu_iowait_ms, lag(cpu_iowait_ms) OVER w, restarted) AS iowait_ms,
               counted(cpu_steal_ms, lag(cpu_steal_ms) OVER w, restarted) AS steal_ms,
               counted(cpu_idle_ms, lag(cpu_idle_ms) OVER w, restarted) AS idle_ms
        FROM sample WINDOW w AS (ORDER BY at)
    ), share AS (
        SELECT *, (user_ms + system_ms + steal_ms)::float8
                  / nullif(user_ms + system_ms + steal_ms + iowait_ms + idle_ms, 0) AS busy
        FROM change WHERE at >= $2
    )
    SELECT date_bin(make_interval(secs => $4), share.at, $2) AS at,
           count(*) AS samples, count(*) FILTER (WHERE restarted) AS restarts,
           (array_agg(uptime_s ORDER BY share.at DESC))[1] AS uptime_s,
           exactly(sum(user_ms)) AS cpu_user_ms,
           exactly(sum(system_ms)) AS cpu_system_ms,
           exactly(sum(iowait_ms)) AS cpu_iowait_ms,
           exactly(sum(steal_ms)) AS cpu_steal_ms,
           exactly(sum(idle_ms)) AS cpu_idle_ms,
           max(busy) AS cpu_busy_max,
           (array_agg(memory_total ORDER BY share.at DESC))[1] AS memory_total,
           avg(memory_used)::float8 AS memory_used_avg, max(memory_used) AS memory_used_max,
           (array_agg(disk_total ORDER BY share.at DESC))[1] AS disk_total,
           avg(disk_used)::float8 AS disk_used_avg, max(disk_used) AS disk_used_max
    FROM share GROUP BY 1 ORDER BY 1";

const INTERFACES: &str = "
    WITH sample AS (
        SELECT *, uptime_s < lag(uptime_s) OVER w AS restarted
        FROM host_interface_sample WHERE gateway_id = $1 AND at >= $5 AND at < $3
        WINDOW w AS (PARTITION BY interface ORDER BY at)
    ), change AS (
        SELECT at, interface,
               counted(rx_bytes, lag(rx_bytes) OVER w, restarted) AS rx_bytes,
               counted(tx_bytes, lag(tx_bytes) OVER w, restarted) AS tx_bytes,
               counted(rx_packets, lag(rx_packets) OVER w, restarted) AS rx_packets,
               counted(tx_packets, lag(tx_packets) OVER w, restarted) AS tx_packets,
               counted(rx_errors, lag(rx_errors) OVER w, restarted) AS rx_errors,
               counted(tx_errors, lag(tx_errors) OVER w, restarted) AS tx_errors
        FROM sample WINDOW w AS (PARTITION BY interface ORDER BY at)
    )
    SELECT date_bin(make_interval(secs => $4), change.at, $2) AS at, interface,
           exactly(sum(rx_bytes)) AS rx_bytes,
           exactly(sum(tx_bytes)) AS tx_bytes,
           exactly(sum(rx_packets)) AS rx_packets,
           exactly(sum(tx_packets)) AS tx_packets,
           exactly(sum(rx_errors)) AS rx_errors,
           exactly(sum(tx_errors)) AS tx_errors
    FROM change WHERE at >= $2 AND rx_bytes IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2";

impl Reports {
    /// What a gateway's host has been like. Nothing is known of what was dropped.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn host_history(
        &self,
        id: GatewayId,
        range: HostRange,
    ) -> Result<HostHistory, ReportError> {
        let facts = sqlx::query_as(
            "SELECT os_name, os_version, kernel, cpus, sampled_at
             FROM gateway_host WHERE gateway_id = $1",
        )
        .bind(id.0)
        .fetch_optional(self.pool())
        .await?;
        let HostRange { from, to, step } = range;
        let seconds = step.as_seconds_f64();
        let points = sqlx::query_as(POINTS)
            .bind(id.0)
            .bind(from)
            .bind(to)
            .bind(seconds)
            .bind(from - BEFORE)
            .fetch_all(self.pool())
            .await?;
        let interfaces = sqlx::query_as(INTERFACES)
            .bind(id.0)
            .bind(from)
            .bind(to)
            .bind(seconds)
            .bind(from - BEFORE)
            .fetch_all(self.pool())
            .await?;
        Ok(HostHistory { facts, points, interfaces })
    }
}
