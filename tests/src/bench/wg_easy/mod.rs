//! `./bench wg-easy`: clients created, listed and deleted through the dialect.

mod plane;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    Outcome,
    drive::{Contender, drive},
    ground::Ground,
    report::{Report, Row, Table},
};
use plane::Plane;

/// What is measured how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many callers act at once, one measurement for each.
    pub callers: Vec<usize>,
    /// How often everything is measured; medians are reported.
    pub rounds: usize,
    /// How long each measurement takes.
    pub time: Duration,
    /// How many clients are made, listed and deleted at the end.
    pub many: usize,
    /// Where the JSON goes; the standard output without it.
    pub json: Option<PathBuf>,
}

/// How many clients the list has: about as many as version 14 can have.
const LISTED: usize = 250;
/// Who makes, lists and deletes many.
const CALLERS: usize = 8;
/// Connections are opened and statements prepared before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);

const CREATE: &str = "create a client";
const LIST: &str = "list 250 clients";
const DELETE: &str = "delete a client";

/// What version 14 of wg-easy did in a second on a machine like this one, for one caller and for
/// eight (issue 7; one answer in 6 to 30 was a false 500 for eight callers), and how many times that
/// is asked of us.
const VERSION_14: [(&str, [f64; 2], f64); 3] =
    [(CREATE, [26.0, 34.0], 20.0), (LIST, [160.0, 265.0], 10.0), (DELETE, [11.0, 54.0], 20.0)];

const TABLE: Table = Table {
    name: "wg-easy",
    clients: "callers",
    rate: "a second",
    ratios: &[],
    rows: &[
        Row { name: CREATE, against: &[] },
        Row { name: LIST, against: &[] },
        Row { name: DELETE, against: &[] },
    ],
};

/// Measures and prints.
///
/// # Errors
/// What kept it from measuring, or an answer that was not true.
pub async fn run(options: Options) -> Outcome<()> {
    let ground = Ground::lay().await?;
    eprintln!("{}", ground.machine);
    let plane = Arc::new(Plane::start(&ground, "bench_wg_easy").await?);
    let listed = Arc::new(Plane::start(&ground, "bench_wg_easy_list").await?);
    make(&listed, LISTED).await?;
    ground.analyze("bench_wg_easy_list").await?;

    let most = options.callers.iter().copied().max().unwrap_or(1);
    let create: Arc<dyn Contender> = Arc::new(Create(Arc::clone(&plane)));
    let delete: Arc<dyn Contender> = Arc::new(Delete(Arc::clone(&plane)));
    let list: Arc<dyn Contender> = Arc::new(List(Arc::clone(&listed)));
    drive(&create, most, WARM_UP).await?;
    drive(&list, most, WARM_UP).await?;
    let about = format!(
        "Medians of {} rounds of {:?}; wg-easy 14 as issue 7 measured it on a like machine.",
        options.rounds, options.time,
    );
    let mut report = Report::new(TABLE, &ground.machine, about);
    for round in 1..=options.rounds {
        for &callers in &options.callers {
            report.add(round, callers, CREATE, drive(&create, callers, options.time).await?);
            report.add(round, callers, LIST, drive(&list, callers, options.time).await?);
            // Enough of them, whatever was made.
            let enough = usize::try_from(options.time.as_secs())? * 2_000;
            make(&plane, enough.saturating_sub(plane.made())).await?;
            report.add(round, callers, DELETE, drive(&delete, callers, options.time).await?);
        }
    }
    report.print(options.json.as_deref())?;
    compare(&report, &options.callers);
    drop((create, delete, list));
    let plane = Arc::try_unwrap(plane).map_err(|_| "a plane is still in use")?;
    plane.empty().await?;
    many(&plane, options.many).await?;
    plane.stop().await;
    let listed = Arc::try_unwrap(listed).map_err(|_| "a plane is still in use")?;
    listed.stop().await;
    Ok(())
}

fn compare(report: &Report, callers: &[usize]) {
    println!(
        "\n{:<20} {:>7} {:>8} {:>12} {:>7} {:>6}",
        "", "callers", "ours", "version 14", "times", "goal"
    );
    for (name, measured, goal) in VERSION_14 {
        for (callers, theirs) in
            [1, 8].into_iter().zip(measured).filter(|(n, _)| callers.contains(n))
        {
            let ours = report.median(callers, name);
            println!(
                "{name:<20} {callers:>7} {ours:>8.0} {theirs:>12.0} {:>7.1} {goal:>6.0}",
                ours / theirs
            );
        }
    }
}

async fn make(plane: &Plane, clients: usize) -> Outcome<()> {
    stream::iter(0..clients).map(|_| plane.create()).buffer_unordered(CALLERS).try_collect().await
}

/// Makes, lists and deletes many clients by eight callers at once: each answer has to be true.
async fn many(plane: &Plane, clients: usize) -> Outcome<()> {
    let begun = std::time::Instant::now();
    make(plane, clients).await?;
    let made = begun.elapsed();
    let ids: BTreeSet<String> = plane.ids();
    if ids.len() != clients {
        return Err(format!("{} clients were made instead of {clients}", ids.len()).into());
    }
    let begun = std::time::Instant::now();
    let lists: Vec<BTreeSet<String>> = stream::iter(0..CALLERS)
        .map(|_| plane.listed())
        .buffer_unordered(CALLERS)
        .try_collect()
        .await?;
    let listed = begun.elapsed();
    if lists.iter().any(|list| *list != ids) {
        return Err("a list is not what was made".into());
    }
    let begun = std::time::Instant::now();
    plane.empty().await?;
    let deleted = begun.elapsed();
    if !plane.listed().await?.is_empty() {
        return Err("what was deleted is still listed".into());
    }
    println!(
        "\n{clients} clients by {CALLERS} callers, every answer true: made in {made:.1?}, listed \
         {CALLERS} times in {listed:.1?}, deleted in {deleted:.1?}"
    );
    Ok(())
}

struct Create(Arc<Plane>);

#[async_trait]
impl Contender for Create {
    async fn act(&self) -> Outcome<()> {
        self.0.create().await
    }
}

struct List(Arc<Plane>);

#[async_trait]
impl Contender for List {
    async fn act(&self) -> Outcome<()> {
        match self.0.list().await?.matches("\"publicKey\"").count() {
            LISTED => Ok(()),
            n => Err(format!("the list has {n} clients instead of {LISTED}").into()),
        }
    }
}

struct Delete(Arc<Plane>);

#[async_trait]
impl Contender for Delete {
    async fn act(&self) -> Outcome<()> {
        if self.0.delete().await? { Ok(()) } else { Err("there is nothing left to delete".into()) }
    }
}
