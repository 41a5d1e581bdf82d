//! `./bench fleet`: from the append of a device's change to the published delta, in a small fleet
//! and in one that has a hundred gateways of the same size; and what the large one weighs.

pub(super) mod world;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::process::Command;

use super::{
    Outcome,
    drive::{Contender, drive},
    ground::Ground,
    report::{Report, Row, Table},
};
use crate::harness::TestServer;
use world::World;

/// What is measured how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often everything is measured; medians are reported.
    pub rounds: usize,
    /// How long each measurement takes.
    pub time: Duration,
    /// How many gateways the large fleet has.
    pub gateways: usize,
    /// How many devices each gateway has.
    pub devices: usize,
    /// Where the JSON goes; the standard output without it.
    pub json: Option<PathBuf>,
}

/// Everything is rendered once, and connections are opened, before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);

const SMALL: &str = "one gateway";
const LARGE: &str = "all gateways";

const TABLE: Table = Table {
    name: "fleet",
    clients: "changes",
    rate: "a second",
    ratios: &["of one gateway"],
    rows: &[
        Row { name: SMALL, against: &[Some(SMALL)] },
        Row { name: LARGE, against: &[Some(SMALL)] },
    ],
};

/// Measures and prints.
///
/// # Errors
/// What kept it from measuring.
pub async fn run(options: Options) -> Outcome<()> {
    let Options { rounds, time, gateways, devices, .. } = options;
    let ground = Ground::lay().await?;
    eprintln!("{}", ground.machine);
    eprintln!("filling a fleet of one gateway with {devices} devices, and one of {gateways}");
    let small = Arc::new(World::start(&ground, "bench_small", 1, devices).await?);
    let large = World::start(&ground, "bench_large", gateways, devices).await?;
    // Weighed in a process of its own, which has not filled anything.
    large.stop().await;
    let weight = weigh(&ground.url("bench_large")).await?;
    eprintln!("{weight}");
    let large = Arc::new(World::open(&ground, "bench_large").await?);

    let contenders: [(&'static str, Arc<dyn Contender>); 2] =
        [(SMALL, Arc::clone(&small) as _), (LARGE, Arc::clone(&large) as _)];
    for (_, contender) in &contenders {
        drive(contender, 1, WARM_UP).await?;
    }
    let about = format!(
        "From the append of a device's change to its gateway's published delta, one at a time, in \
         fleets of {devices} devices a gateway, on one gateway and on {gateways}; medians of \
         {rounds} rounds of {time:?}. The control plane of the large one: {weight}."
    );
    let mut report = Report::new(TABLE, &ground.machine, about);
    for round in 1..=rounds {
        for (name, contender) in &contenders {
            report.add(round, 1, name, drive(contender, 1, time).await?);
        }
    }
    report.print(options.json.as_deref())?;
    drop(contenders);
    for world in [small, large] {
        if let Ok(world) = Arc::try_unwrap(world) {
            world.stop().await;
        }
    }
    Ok(())
}

/// Lets another process say what a control plane on this database weighs.
async fn weigh(url: &str) -> Outcome<String> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.args(["--weigh", url]).output().await?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Starts a control plane on a filled database, publishes every bundle, and prints what the
/// process weighs then, and how long its start took from the events alone and from a kept state.
///
/// # Errors
/// What kept it from that.
pub async fn print_weight(url: &str) -> Outcome<()> {
    let pool = sqlx::PgPool::connect(url).await?;
    sqlx::query("DELETE FROM fleet_snapshot").execute(&pool).await?;
    let (server, from_events) = timed_start(url).await;
    world::publish_all(&server).await?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kib = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let (now, most) = (kib("VmRSS:"), kib("VmHWM:"));
    let (Some(now), Some(most)) = (now, most) else { return Err("no VmRSS".into()) };
    let devices = server.app.fleet.read(|fleet| {
        fleet.gateways().map(|(id, _)| fleet.devices_of_gateway(id).count()).sum::<usize>()
    });
    server.stop().await;
    let (server, from_state) = timed_start(url).await;
    let (idx, kept) = (server.app.fleet.idx(), server.app.fleet.went_on_from());
    let bytes: Option<i64> =
        sqlx::query_scalar("SELECT length(state)::bigint FROM fleet_snapshot WHERE idx = $1")
            .bind(kept)
            .fetch_optional(&pool)
            .await?;
    println!(
        "{devices} devices, {} MiB with every bundle published, {} MiB at most; a start took \
         {from_events:.1} s from its {idx} events alone, {from_state:.1} s from the state kept \
         after event {kept} ({} KiB)",
        now / 1024,
        most / 1024,
        bytes.unwrap_or_default() / 1024,
    );
    server.stop().await;
    pool.close().await;
    Ok(())
}

/// A control plane, and the seconds until it answered.
async fn timed_start(url: &str) -> (TestServer, f64) {
    let begin = std::time::Instant::now();
    let server = TestServer::start_with(url, |_| {}).await;
    (server, begin.elapsed().as_secs_f64())
}
