//! Samples of the nodes' hosts.

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_bundle::{HostCpu, HostInterface, HostMetrics};
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::reports::{HostHistory, HostRange};

use super::{World, later, now, report};

fn host(uptime_s: u64, busy_ms: u64, rx_bytes: u64) -> HostMetrics {
    HostMetrics {
        os_name: "Debian GNU/Linux".to_owned(),
        os_version: "12".to_owned(),
        kernel: "6.1.0".to_owned(),
        uptime_s,
        cpus: 2,
        cpu: HostCpu {
            user_ms: busy_ms,
            idle_ms: uptime_s * 2_000 - busy_ms,
            ..HostCpu::default()
        },
        memory_total: 1_000,
        memory_available: 1_000 - uptime_s.min(900),
        disk_total: 500,
        disk_free: 100,
        interfaces: vec![HostInterface {
            name: "eth0".to_owned(),
            rx_bytes,
            tx_bytes: u64::MAX,
            rx_packets: 1,
            tx_packets: 1,
            rx_errors: 0,
            tx_errors: 0,
        }],
    }
}

impl World {
    async fn sampled(&self, id: GatewayId, host: HostMetrics, at: DateTime<Utc>) {
        let mut status = report(None);
        status.host = Some(host);
        self.one.reports.record_status(id, &status, at).await.unwrap();
    }

    async fn history(&self, id: GatewayId, from: i64, to: i64, step: i64) -> HostHistory {
        let range = HostRange { from: later(from), to: later(to), step: TimeDelta::seconds(step) };
        self.one.reports.host_history(id, range).await.unwrap()
    }

    async fn partitions(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = 'host_sample'::regclass ORDER BY 1",
        )
        .fetch_all(&self.db.pool)
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn counters_go_on_over_a_restart_of_the_node() {
    let world = World::new().await;
    let (here, there) = (world.gateway(0).await, world.gateway(1).await);
    world.sampled(here, host(100, 50_000, 1_000), later(0)).await;
    // Too soon for another sample.
    world.sampled(here, host(105, 60_000, 9_999), later(5)).await;
    world.sampled(here, host(130, 80_000, 1_500), later(30)).await;
    // Started again: everything counts from nothing, and what it has counted since is not lost.
    world.sampled(here, host(20, 10_000, 70), later(60)).await;
    world.sampled(here, host(50, 16_000, 100), later(90)).await;
    world.sampled(there, host(1_000, 0, 5_000_000), later(60)).await;

    let history = world.history(here, 0, 120, 60).await;
    let facts = history.facts.unwrap();
    assert_eq!((facts.os_name.as_str(), facts.cpus), ("Debian GNU/Linux", 2));
    let [first, second] = history.points.as_slice() else { panic!("{:?}", history.points) };
    assert_eq!((first.at, first.samples, first.restarts), (later(0), 2, 0));
    assert_eq!((first.cpu_user_ms, first.cpu_idle_ms), (Some(30_000), Some(30_000)));
    assert_eq!(first.cpu_busy_max, Some(0.5));
    assert!((first.memory_used_avg - 115.0).abs() < 0.01, "{first:?}");
    assert_eq!((first.memory_used_max, first.disk_used_max), (130, 400));
    assert_eq!((second.at, second.restarts, second.uptime_s), (later(60), 1, 50));
    assert_eq!(second.cpu_user_ms, Some(16_000));
    let received: Vec<i64> = history.interfaces.iter().map(|i| i.rx_bytes).collect();
    assert_eq!(received, [500, 100]);

    // The sample before the range is what its first one is compared with.
    let later_on = world.history(here, 30, 60, 60).await;
    assert_eq!(later_on.points[0].cpu_user_ms, Some(30_000));
    assert_eq!(world.history(here, 200, 300, 60).await.points, []);
}

#[tokio::test]
async fn samples_are_kept_by_the_day_and_dropped_by_the_day() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    // Nobody has made a partition for that day: the sample makes it.
    assert_eq!(world.partitions().await, [""; 0]);
    world.sampled(gateway, host(100, 0, 0), now()).await;
    let days = ["20270115", "20270116", "20270117", "20270118"].map(|d| format!("host_sample_{d}"));
    assert_eq!(world.partitions().await, days);

    let short = world.one.reports.clone().with_telemetry_days(2);
    short.keep_partitions(now()).await.unwrap();
    assert_eq!(world.partitions().await, days, "nothing is old, and nothing is made twice");
    short.keep_partitions(later(3 * 86_400)).await.unwrap();
    let kept = world.partitions().await;
    assert_eq!(kept.first().map(String::as_str), Some("host_sample_20270116"));
    assert_eq!(kept.last().map(String::as_str), Some("host_sample_20270121"));
    let history = world.history(gateway, -60, 60, 60).await;
    assert!(history.points.is_empty() && history.interfaces.is_empty());
    assert!(history.facts.is_some(), "the newest facts stay");
}
