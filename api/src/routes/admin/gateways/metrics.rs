//! `GET /admin/gateways/{id}/metrics`

use std::collections::HashMap;

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_domain::{Problems, ids::GatewayId};
use nexavpn_gateway_projector::reports::{HostFacts, HostPoint, HostRange, InterfacePoint};
use nexavpn_projections::gateways;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    App,
    error::ApiError,
    extract::{Path, Query},
};

/// The most points in an answer.
const MAX_POINTS: i64 = 1_000;
/// About so many points are in an answer where no step is named.
const USUAL_POINTS: i64 = 240;
/// The range where none is named.
const USUAL_RANGE: TimeDelta = TimeDelta::hours(1);
/// Samples are no closer than this.
const SHORTEST_STEP: i64 = 10;

/// Which range of time.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// From when on: RFC 3339. An hour before `to` where it is left out.
    #[param(value_type = Option<DateTime<Utc>>)]
    from: Option<String>,
    /// Until when, not included: RFC 3339. Now where it is left out.
    #[param(value_type = Option<DateTime<Utc>>)]
    to: Option<String>,
    /// Seconds of a step: at least 10, and so many that the answer has at most 1000 points.
    #[param(value_type = Option<i64>)]
    step: Option<String>,
}

/// What a gateway's host has been like. Steps without a sample are left out.
#[derive(Serialize, ToSchema)]
#[schema(as = HostMetricsAnswer)]
pub(super) struct Answer {
    gateway_id: GatewayId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// Seconds.
    step: i64,
    /// The newest facts about the host; null before its first sample.
    host: Option<Host>,
    points: Vec<Point>,
}

/// The newest facts about a host.
#[derive(Serialize, ToSchema)]
#[schema(as = GatewayHost)]
struct Host {
    os_name: String,
    os_version: String,
    kernel: String,
    cpus: i64,
    /// When its last sample was taken.
    sampled_at: DateTime<Utc>,
}

/// One step. What was counted between two samples belongs to the step of the later one; a counter
/// that began anew (the host or an interface was started again) has counted from nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = HostPoint)]
struct Point {
    /// The step's beginning.
    at: DateTime<Utc>,
    samples: i64,
    /// How often the host was started again.
    restarts: i64,
    /// Seconds since the host started, at the last sample.
    uptime_s: i64,
    /// Null at the first sample of all, which has nothing to compare with.
    cpu: Option<Cpu>,
    memory: Used,
    /// The file system with the agent's state.
    disk: Used,
    interfaces: Vec<Interface>,
}

/// What the CPUs did.
#[derive(Serialize, ToSchema)]
#[schema(as = HostPointCpu)]
struct Cpu {
    /// Seconds of one CPU.
    user_s: f64,
    system_s: f64,
    iowait_s: f64,
    steal_s: f64,
    idle_s: f64,
    /// The share of all CPUs' time that was not idle, from 0 to 1, over the step.
    busy_avg: f64,
    /// The same between the two samples where it was highest.
    busy_max: f64,
}

/// Something of which there is so much.
#[derive(Serialize, ToSchema)]
#[schema(as = HostPointUsed)]
struct Used {
    total_bytes: i64,
    used_avg_bytes: f64,
    used_max_bytes: i64,
}

/// What an interface carried in the step.
#[derive(Serialize, ToSchema)]
#[schema(as = HostPointInterface)]
struct Interface {
    name: String,
    rx_bytes: i64,
    tx_bytes: i64,
    rx_packets: i64,
    tx_packets: i64,
    rx_errors: i64,
    tx_errors: i64,
}

impl Asked {
    fn range(&self, now: DateTime<Utc>) -> Result<HostRange, ApiError> {
        let mut problems = Problems::default();
        let time = |text: &str| {
            let time = DateTime::parse_from_rfc3339(text).map(|t| t.to_utc());
            time.map_err(|_| "must be an RFC 3339 time such as 2026-05-03T12:00:00Z".to_owned())
        };
        let to = self.to.as_deref().and_then(|t| problems.check("to", time(t))).unwrap_or(now);
        let from = self.from.as_deref().and_then(|t| problems.check("from", time(t)));
        let step = self.step.as_deref().and_then(|text| {
            let step = text.parse().ok().filter(|s| (SHORTEST_STEP..=366 * 86_400).contains(s));
            let why = "must be a number of seconds between 10 and 31622400".to_owned();
            problems.check("step", step.ok_or(why))
        });
        problems.finish()?;
        let from = from.or_else(|| to.checked_sub_signed(USUAL_RANGE)).unwrap_or(to);
        let length = (to - from).num_seconds();
        if length <= 0 {
            return Err(ApiError::field("from", "must be before `to`"));
        }
        let step = step.unwrap_or_else(|| (length / USUAL_POINTS + 1).max(SHORTEST_STEP));
        if length / step >= MAX_POINTS {
            let least = length / MAX_POINTS + 1;
            return Err(ApiError::field(
                "step",
                format!("must be at least {least} for this range"),
            ));
        }
        Ok(HostRange { from, to, step: TimeDelta::seconds(step) })
    }
}

/// What the gateway's host has been like over a range of time, as its node reports it: averages
/// and maxima of each step, and how far its counters went in it.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/metrics",
    operation_id = "gateways_metrics",
    tag = "gateways",
    params(Asked),
    responses((status = 200, description = "The steps with samples.", body = Answer)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Answer>, ApiError> {
    let range = asked.range(app.commands.now())?;
    if gateways::get(app.direct(), id).await?.is_none() {
        return Err(ApiError::not_found("gateway"));
    }
    let history = app.reports.host_history(id, range).await?;
    let mut interfaces: HashMap<DateTime<Utc>, Vec<Interface>> = HashMap::new();
    for point in history.interfaces {
        interfaces.entry(point.at).or_default().push(point.into());
    }
    let point = |point: HostPoint| {
        let interfaces = interfaces.remove(&point.at).unwrap_or_default();
        Point::new(&point, interfaces)
    };
    Ok(axum::Json(Answer {
        gateway_id: id,
        from: range.from,
        to: range.to,
        step: range.step.num_seconds(),
        host: history.facts.map(Into::into),
        points: history.points.into_iter().map(point).collect(),
    }))
}

impl From<HostFacts> for Host {
    fn from(facts: HostFacts) -> Self {
        let HostFacts { os_name, os_version, kernel, cpus, sampled_at } = facts;
        Self { os_name, os_version, kernel, cpus, sampled_at }
    }
}

impl From<InterfacePoint> for Interface {
    fn from(point: InterfacePoint) -> Self {
        Self {
            name: point.interface,
            rx_bytes: point.rx_bytes,
            tx_bytes: point.tx_bytes,
            rx_packets: point.rx_packets,
            tx_packets: point.tx_packets,
            rx_errors: point.rx_errors,
            tx_errors: point.tx_errors,
        }
    }
}

impl Point {
    fn new(point: &HostPoint, interfaces: Vec<Interface>) -> Self {
        Self {
            at: point.at,
            samples: point.samples,
            restarts: point.restarts,
            uptime_s: point.uptime_s,
            cpu: Cpu::of(point),
            memory: Used {
                total_bytes: point.memory_total,
                used_avg_bytes: point.memory_used_avg,
                used_max_bytes: point.memory_used_max,
            },
            disk: Used {
                total_bytes: point.disk_total,
                used_avg_bytes: point.disk_used_avg,
                used_max_bytes: point.disk_used_max,
            },
            interfaces,
        }
    }
}

impl Cpu {
    fn of(point: &HostPoint) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "sums are below 2^53, so they are exact")]
        let seconds = |ms: Option<i64>| ms.map(|ms| ms as f64 / 1_000.0);
        let (user_s, system_s) = (seconds(point.cpu_user_ms)?, seconds(point.cpu_system_ms)?);
        let (iowait_s, steal_s) = (seconds(point.cpu_iowait_ms)?, seconds(point.cpu_steal_ms)?);
        let idle_s = seconds(point.cpu_idle_ms)?;
        let busy = user_s + system_s + steal_s;
        let all = busy + iowait_s + idle_s;
        let busy_avg = if all > 0.0 { busy / all } else { 0.0 };
        let busy_max = point.cpu_busy_max.unwrap_or(busy_avg);
        Some(Self { user_s, system_s, iowait_s, steal_s, idle_s, busy_avg, busy_max })
    }
}
