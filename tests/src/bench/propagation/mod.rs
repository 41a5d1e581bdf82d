//! `./bench propagation`: from an admin's request to the gateway that waits for it, while many
//! other changes are made.

mod waiting;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nexavpn_domain::ids::{DeviceId, GatewayId};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time};

use super::{
    Outcome,
    fleet::world,
    ground::Ground,
    http::sample_row,
    pgbench::PgBench,
    report::{Times, TimesLine, micros},
};
use crate::harness::{Client, TestServer};
use waiting::{Kind, Pending, Sign, Waiting};

/// What is measured how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often everything is measured.
    pub rounds: usize,
    /// How long each measurement takes.
    pub time: Duration,
    /// How many gateways wait.
    pub gateways: usize,
    /// How many devices there are on all of them together.
    pub devices: usize,
    /// How many policies there are.
    pub policies: usize,
    /// Whether a policy for everyone is edited every second, too.
    pub everyone: bool,
    /// Where the JSON goes; the standard output without it.
    pub json: Option<PathBuf>,
}

/// A hundred changes a second.
const PACE: Duration = Duration::from_millis(10);
/// How long PostgreSQL is measured, before and after each round.
const COMMITS: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);
const NAME: &str = "bench_propagation";

/// Measures and prints.
///
/// # Errors
/// What kept it from measuring.
pub async fn run(options: Options) -> Outcome<()> {
    let Options { rounds, time, gateways, devices, policies, everyone, .. } = options;
    let ground = Ground::lay().await?;
    eprintln!("{}", ground.machine);
    let pgbench = PgBench::prepare(&ground, &sample_row(&ground).await?).await?;
    eprintln!("filling a store with {devices} devices on {gateways} gateways");
    drop(ground.database(NAME).await?);
    let server = world::start(&ground, NAME).await;
    let store = server.commands().store().clone();
    world::fill(&store, gateways, devices / gateways, policies).await?;
    ground.analyze(NAME).await?;
    world::publish_all(&server).await?;
    let mut plane = Plane::of(server, everyone).await?;

    plane.mix(WARM_UP).await?;
    let mut commits = Vec::new();
    let mut measured = Measured::default();
    for round in 1..=rounds {
        commits.extend(pgbench.run(1, COMMITS).await?.latencies);
        measured.add(plane.mix(time).await?);
        commits.extend(pgbench.run(1, COMMITS).await?.latencies);
        eprintln!("round {round} of {rounds}");
    }
    let received = plane.stop().await?;
    let one = if everyone { "and one policy for everyone" } else { "and no policy for everyone" };
    let about = format!(
        "From the sending of an admin's request to the verified bundle at a gateway that waits: \
         {devices} devices, {policies} policies, {gateways} gateways, which got {received}. Every \
         second 80 devices are disabled or enabled, 19 policies of one user (10 devices on 10 \
         gateways) {one} edited. {rounds} rounds of {time:?}; a commit is \
         pgbench's, at one client, before and after each round."
    );
    let lines = measured.lines(commits);
    Times { name: "propagation", machine: ground.machine, about, lines }
        .print(options.json.as_deref())
}

/// What was found, in microseconds.
#[derive(Default)]
struct Measured {
    took: HashMap<Kind, Vec<u32>>,
    answered: Vec<u32>,
}

impl Measured {
    fn add(&mut self, more: Self) {
        for (kind, took) in more.took {
            self.took.entry(kind).or_default().extend(took);
        }
        self.answered.extend(more.answered);
    }

    fn lines(mut self, commits: Vec<u32>) -> Vec<TimesLine> {
        let commit = TimesLine::new("commit (pgbench)", commits);
        let mut of = |kind| self.took.remove(&kind).unwrap_or_default();
        let (device, few, everyone) = (of(Kind::Device), of(Kind::Few), of(Kind::Everyone));
        let all = [device.as_slice(), &few, &everyone].concat();
        let line = |what, times| TimesLine::new(what, times).beside(&commit);
        let lines = vec![
            line("answer to the request", self.answered),
            line("a device's change, at its gateway", device),
            line("an edit for 10 devices, at each gateway", few),
            line("an edit for everyone, at each gateway", everyone),
            line("all of them", all).goal("median below 5 commits, p99 below 100 ms"),
            commit.clone(),
        ];
        lines.into_iter().filter(|line| line.times > 0).collect()
    }
}

/// A control plane, its gateways, and what may be changed.
struct Plane {
    server: TestServer,
    admin: Client,
    gateways: HashMap<GatewayId, Waiting>,
    /// Devices that are disabled and enabled, with where they are and whether they are enabled.
    devices: Vec<(DeviceId, GatewayId, bool)>,
    few: Vec<Policy>,
    /// Empty where those are left as they are.
    everyone: Vec<Policy>,
    /// Of the next change.
    number: usize,
}

/// A policy, and a device of its on each gateway where it has one.
struct Policy {
    id: String,
    devices: Vec<(DeviceId, GatewayId)>,
}

impl Plane {
    async fn of(server: TestServer, edit_everyone: bool) -> Outcome<Self> {
        let admin = server.admin().await;
        let (status, list) = admin.get("/admin/policies?page_size=200&sort=created_at").await;
        let policies = list["items"].as_array().ok_or(format!("{status} {list}"))?;

        // Whose devices stay as they are, since edits are recognised by them.
        let users: Vec<&str> =
            policies.iter().filter_map(|policy| target(policy, "user")).collect();
        let mut devices = Vec::new();
        let mut kept: HashMap<String, Vec<(DeviceId, GatewayId)>> = HashMap::new();
        server.app.fleet.read(|fleet| {
            for (gateway, _) in fleet.gateways() {
                for (id, device) in fleet.devices_of_gateway(gateway) {
                    let owner = device.owner.to_string();
                    if users.contains(&owner.as_str()) {
                        kept.entry(owner).or_default().push((id, gateway));
                    } else {
                        devices.push((id, gateway, true));
                    }
                }
            }
        });
        let everywhere: HashMap<GatewayId, DeviceId> =
            kept.values().flatten().map(|(device, gateway)| (*gateway, *device)).collect();
        let everywhere: Vec<_> = everywhere.into_iter().map(|(g, d)| (d, g)).collect();
        let (mut few, mut everyone) = (Vec::new(), Vec::new());
        for policy in policies {
            let id = policy["id"].as_str().unwrap_or_default().to_owned();
            if let Some(user) = target(policy, "user") {
                few.push(Policy { id, devices: kept.get(user).cloned().unwrap_or_default() });
            } else if target(policy, "everyone").is_some() {
                everyone.push(Policy { id, devices: everywhere.clone() });
            }
        }

        let ids: Vec<GatewayId> =
            server.app.fleet.read(|fleet| fleet.gateways().map(|(id, _)| id).collect());
        if everywhere.len() < ids.len() || few.is_empty() || everyone.is_empty() {
            return Err("there are too few devices or policies".into());
        }
        if !edit_everyone {
            everyone.clear();
        }
        let mut gateways = HashMap::new();
        for id in ids {
            gateways.insert(id, Waiting::start(&server, &admin, id).await?);
        }
        for gateway in gateways.values_mut() {
            gateway.ready().await?;
        }
        Ok(Self { server, admin, gateways, devices, few, everyone, number: 0 })
    }

    /// Changes this and that for a while, and waits until all gateways have all of it.
    async fn mix(&mut self, time: Duration) -> Outcome<Measured> {
        let answered = Arc::new(Mutex::new(Vec::new()));
        let mut requests = JoinSet::new();
        let mut ticks = time::interval(PACE);
        // A late one is not made up for by two at once.
        ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let begin = Instant::now();
        while begin.elapsed() < time {
            ticks.tick().await;
            let (method, path, body) = self.next()?;
            let (admin, answered) = (self.admin.clone(), Arc::clone(&answered));
            requests.spawn(async move {
                let sent = Instant::now();
                let answer = admin.try_send(method, &path, &[], body).await?;
                if !(200..300).contains(&answer.status) {
                    return Err(format!("{path}: {} {}", answer.status, answer.body).into());
                }
                let took = micros(sent.elapsed());
                answered.lock().unwrap_or_else(PoisonError::into_inner).push(took);
                Outcome::Ok(())
            });
        }
        while let Some(done) = requests.join_next().await {
            done??;
        }
        let deadline = Instant::now() + PATIENCE;
        while self.gateways.values().any(|gateway| gateway.pending() > 0) {
            if Instant::now() > deadline {
                return Err("a gateway does not get what it waits for".into());
            }
            time::sleep(PACE).await;
        }
        let mut measured = Measured::default();
        for gateway in self.gateways.values() {
            measured.add(Measured { took: gateway.take(), answered: Vec::new() });
        }
        measured.answered =
            std::mem::take(&mut *answered.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(measured)
    }

    /// The next request, which the gateways that it concerns wait for from now on.
    fn next(&mut self) -> Outcome<(Method, String, Option<Value>)> {
        let n = self.number;
        self.number += 1;
        let edit = match n % 100 {
            50 if !self.everyone.is_empty() => Some((&self.everyone, Kind::Everyone)),
            2.. if n % 5 == 2 && n % 100 != 97 => Some((&self.few, Kind::Few)),
            _ => None,
        };
        let sent = Instant::now();
        if let Some((policies, kind)) = edit {
            let policy = policies.get(n / 5 % policies.len()).ok_or("there are no policies")?;
            // Another network each time, and no neighbour of one before.
            let network = format!("11.{}.{}", n / 128 % 256, n % 128 * 2);
            let range: Arc<str> = format!("{network}.0-{network}.255").into();
            for (device, gateway) in &policy.devices {
                let sign = Sign::Range(*device, Arc::clone(&range));
                self.gateway(*gateway)?.expect(Pending { kind, sent, sign });
            }
            let body = json!({ "destinations": [format!("{network}.0/24")] });
            return Ok((Method::PATCH, format!("/admin/policies/{}", policy.id), Some(body)));
        }
        let count = self.devices.len();
        let device = self.devices.get_mut(n * 7 % count).ok_or("there are no devices")?;
        device.2 = !device.2;
        let (id, gateway, enabled) = *device;
        let sign = Sign::Device(id, enabled);
        self.gateway(gateway)?.expect(Pending { kind: Kind::Device, sent, sign });
        let verb = if enabled { "enable" } else { "disable" };
        Ok((Method::POST, format!("/admin/devices/{id}/{verb}"), None))
    }

    fn gateway(&self, id: GatewayId) -> Outcome<&Waiting> {
        Ok(self.gateways.get(&id).ok_or("no such gateway")?)
    }

    /// Ends, and says what the gateways got.
    async fn stop(self) -> Outcome<String> {
        let (mut bundles, mut deltas) = (0, 0);
        for (_, gateway) in self.gateways {
            let book = gateway.stop().await?;
            bundles += book.bundles;
            deltas += book.deltas;
        }
        self.server.stop().await;
        Ok(format!("{deltas} deltas and {bundles} whole bundles"))
    }
}

/// Whom a policy is for, where it is for one of this kind.
fn target<'a>(policy: &'a Value, kind: &str) -> Option<&'a str> {
    let target = policy["targets"].as_array()?.iter().find(|target| target["type"] == kind)?;
    Some(target["id"].as_str().unwrap_or_default())
}
