//! `./bench audit`: the record in a store of many events, as auditors ask it, and what its tree of
//! hashes costs those who append.

mod history;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::TryStreamExt as _;
use sqlx::{Connection as _, PgConnection};

use super::{
    Outcome,
    drive::{Contender, drive},
    fleet::world,
    ground::Ground,
    ours::Ours,
    report::{Times, TimesLine, median, micros},
};
use crate::harness::{Client, TestServer};
use history::History;

/// What is measured how often.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many events there are.
    pub events: usize,
    /// How often each question is asked.
    pub times: usize,
    /// How often appends are measured.
    pub rounds: usize,
    /// How long each measurement of appends takes.
    pub time: Duration,
    /// Where the JSON goes; the standard output without it.
    pub json: Option<PathBuf>,
}

const NAME: &str = "bench_audit";
/// How many append at once where the tree's cost is measured.
const WRITERS: usize = 8;
const WARM_UP: Duration = Duration::from_millis(500);
/// How often the whole log is written out.
const EXPORTS: usize = 3;
const PAGE_GOAL: &str = "p99 below 20 ms";

/// Measures and prints.
///
/// # Errors
/// What kept it from measuring.
pub async fn run(options: Options) -> Outcome<()> {
    let Options { events, times, rounds, time, .. } = options;
    let ground = Ground::lay().await?;
    eprintln!("{}", ground.machine);
    let mut lines = appends(&ground, rounds, time).await?;

    eprintln!("making {events} events");
    drop(ground.database(NAME).await?);
    let server = world::start(&ground, NAME).await;
    let history = History::make(&server, events).await?;
    ground.analyze(NAME).await?;
    let about = format!(
        "A store of {} events: {} devices, {} users, {} policies. Every question by HTTP, at one \
         client, {times} times.",
        history.head,
        history.devices.len(),
        history.users.len(),
        history.policies.len(),
    );
    let auditor = Asker { client: server.admin().await, times };
    lines.extend(pages(&auditor, &history).await?);
    lines.extend(proofs(&auditor, &history).await?);
    lines.extend(past(&auditor, &history).await?);
    lines.extend(exports(&ground, &server, &auditor, history.head).await?);
    server.stop().await;
    Times { name: "audit", machine: ground.machine, about, lines }.print(options.json.as_deref())
}

/// What the tree of hashes costs appends: the same appends with it and without, in turn.
async fn appends(ground: &Ground, rounds: usize, time: Duration) -> Outcome<Vec<TimesLine>> {
    let without = Arc::new(Ours::start(ground, WRITERS).await?);
    let with = Arc::new(Ours::start_with_tree(ground, "bench_tree", WRITERS).await?);
    let contenders: [Arc<dyn Contender>; 2] = [Arc::clone(&without) as _, Arc::clone(&with) as _];
    for contender in &contenders {
        drive(contender, WRITERS, WARM_UP).await?;
    }
    let mut samples = [vec![], vec![]];
    let mut rates = vec![];
    for round in 1..=rounds {
        let mut found = [0.0; 2];
        // Each is as often the first, which is quicker, in any number of rounds.
        for n in [0, 1, 1, 0] {
            let sample = drive(&contenders[n], WRITERS, time).await?;
            found[n] += sample.per_second() / 2.0;
            samples[n].extend(sample.latencies);
        }
        eprintln!("round {round}: {:.0} appends/s, {:.0} with the tree", found[0], found[1]);
        rates.push(found[1] / found[0]);
    }
    drop(contenders);
    for contender in [without, with] {
        contender.check().await?;
        if let Ok(contender) = Arc::try_unwrap(contender) {
            contender.stop().await;
        }
    }
    let [without, with] = samples;
    let without = TimesLine::new(format!("append, {WRITERS} writers"), without);
    let mut with = TimesLine::new("the same with the tree of hashes", with);
    // Of the rates, since that is what it may cost.
    with.ratio = Some(median(&rates));
    with.of = Some("the appends a second without".to_owned());
    Ok(vec![without, with.goal("at least 0.95")])
}

/// Somebody who asks again and again.
struct Asker {
    client: Client,
    times: usize,
}

impl Asker {
    /// Asks what `path` says for each number from 0, after a few that are not counted.
    async fn ask(&self, what: &str, path: impl Fn(usize) -> String) -> Outcome<TimesLine> {
        const UNCOUNTED: usize = 5;
        let mut took = Vec::with_capacity(self.times);
        for n in 0..self.times + UNCOUNTED {
            let path = path(n);
            let begun = Instant::now();
            let (status, answer) = self.client.get(&path).await;
            if n >= UNCOUNTED {
                took.push(micros(begun.elapsed()));
            }
            if status != 200 {
                return Err(format!("GET {path}: {status} {answer}").into());
            }
        }
        let line = TimesLine::new(what, took);
        eprintln!("{what}: {:.2} ms, p99 {:.2} ms", line.p50_ms, line.p99_ms);
        Ok(line)
    }
}

async fn pages(asker: &Asker, history: &History) -> Outcome<Vec<TimesLine>> {
    // Cursors from all over the log.
    let mut cursors = vec![];
    for n in 0..50 {
        let (_, page) = asker.client.get(&format!("/admin/audit-logs?to={}", history.at(n))).await;
        cursors.extend(page["next"].as_str().map(ToOwned::to_owned));
    }
    let cursor = |n: usize| cursors.get(n % cursors.len().max(1)).cloned().unwrap_or_default();
    let types = ["device.disabled", "policy.changed", "user.created", "security.failure"];
    let entities = ["device", "user", "policy", "session", "gateway"];
    let list = |query: String| format!("/admin/audit-logs?{query}");
    let lines = vec![
        asker.ask("page: the first", |_| list(String::new())).await?,
        asker.ask("page: by after=", |n| list(format!("after={}", cursor(n)))).await?,
        asker.ask("page: page=", |n| list(format!("page={}", 1 + n % 50))).await?,
        asker
            .ask("page: 200 by after=", |n| list(format!("page_size=200&after={}", cursor(n))))
            .await?,
        asker.ask("page: event_type", |n| list(format!("event_type={}", types[n % 4]))).await?,
        asker
            .ask("page: entity_type", |n| list(format!("entity_type={}", entities[n % 5])))
            .await?,
        asker
            .ask("page: status", |n| {
                list(format!("status={}", if n % 2 == 0 { "failure" } else { "success" }))
            })
            .await?,
        asker
            .ask("page: event_type, entity_type and status, by after=", |n| {
                let after = cursor(n);
                list(format!(
                    "event_type=policy.changed&entity_type=policy&status=success&after={after}"
                ))
            })
            .await?,
        asker.ask("page: entity_id", |n| list(format!("entity_id={}", history.device(n)))).await?,
        asker.ask("page: user", |n| list(format!("user={}", history.user(n)))).await?,
    ];
    Ok(lines.into_iter().map(|line| line.goal(PAGE_GOAL)).collect())
}

async fn proofs(asker: &Asker, history: &History) -> Outcome<Vec<TimesLine>> {
    let head = history.head;
    Ok(vec![
        asker
            .ask("proof: an event is in the log", |n| {
                format!("/admin/audit/inclusion?idx={}&size={head}", history.at(n))
            })
            .await?,
        asker
            .ask("proof: the log only grew", |n| {
                format!("/admin/audit/consistency?from={}&to={head}", history.at(n))
            })
            .await?,
    ])
}

async fn past(asker: &Asker, history: &History) -> Outcome<Vec<TimesLine>> {
    let of = |n: usize| {
        let (device, at) = (history.device(n), history.at(n));
        format!("device={device}&destination=172.16.{}.9&protocol=tcp&port=443&at={at}", n % 50)
    };
    let lines = vec![
        asker
            .ask("as of any event: may a device reach this", |n| format!("/admin/access?{}", of(n)))
            .await?,
        asker
            .ask("as of any event: who may reach this", |n| {
                let at = history.at(n);
                format!(
                    "/admin/access?destination=172.16.{}.9&protocol=tcp&port=443&at={at}",
                    n % 50
                )
            })
            .await?,
        asker
            .ask("explain as of any event", |n| format!("/admin/access/explain?{}", of(n)))
            .await?,
        asker
            .ask("as of any event: what all of a user's devices may reach", |n| {
                format!("/admin/access?user={}&at={}", history.user(n), history.at(n))
            })
            .await?,
        asker
            .ask("what 5,000 events changed", |n| {
                let to = history.at(n);
                format!("/admin/access/diff?from={}&to={to}", (to - 5_000).max(1))
            })
            .await?,
        asker
            .ask("what any one event changed", |n| {
                format!("/admin/access/diff?event={}", history.at(n))
            })
            .await?,
        asker
            .ask("a policy as of any event", |n| {
                format!("/admin/policies/{}?at={}", history.policy(n), history.at(n))
            })
            .await?,
        asker
            .ask("the devices as of any event", |n| format!("/admin/devices?at={}", history.at(n)))
            .await?,
    ];
    Ok(lines.into_iter().map(|line| line.goal("well under a second")).collect())
}

/// The whole log as NDJSON, beside a bare COPY of the events.
async fn exports(
    ground: &Ground,
    server: &TestServer,
    asker: &Asker,
    head: i64,
) -> Outcome<Vec<TimesLine>> {
    let mut connection = PgConnection::connect(&ground.url(NAME)).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/api/v1/admin/audit-logs?format=ndjson&from=1&to={head}", server.base_url);
    let token = asker.client.session["access_token"].as_str().unwrap_or_default();
    let (mut copied, mut exported) = (vec![], vec![]);
    for _ in 0..EXPORTS {
        let begun = Instant::now();
        let mut bytes = 0;
        let mut rows = connection.copy_out_raw("COPY events TO STDOUT").await?;
        while let Some(chunk) = rows.try_next().await? {
            bytes += chunk.len();
        }
        drop(rows);
        copied.push(micros(begun.elapsed()));
        let begun = Instant::now();
        let mut answer = http.get(&url).bearer_auth(token).send().await?.error_for_status()?;
        let mut lines = 0;
        while let Some(chunk) = answer.chunk().await? {
            lines += chunk.iter().filter(|byte| **byte == b'\n').count();
        }
        if i64::try_from(lines)? != head || bytes == 0 {
            return Err(format!("{lines} lines of {head} events, {bytes} bytes copied").into());
        }
        exported.push(micros(begun.elapsed()));
    }
    let copy = TimesLine::new("COPY of all events", copied);
    let export = TimesLine::new("export of all events as NDJSON", exported).beside(&copy);
    Ok(vec![copy, export])
}
