//! `./bench http`: commands and lists over HTTP, beside what PostgreSQL makes of one row for each
//! commit on the same cluster in the same run.

mod plane;
mod work;

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    Outcome,
    drive::{Contender, drive},
    ground::Ground,
    ours::Ours,
    pgbench::PgBench,
    report::{Report, Row, Table},
};
use plane::Plane;
use work::{CreateUser, EditPolicy, Enrol, ListUsers};

/// What is measured how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many clients act at once, one measurement for each.
    pub clients: Vec<usize>,
    /// How often everything is measured; medians are reported.
    pub rounds: usize,
    /// How long each measurement takes.
    pub time: Duration,
    /// How many users the large store has.
    pub users: usize,
    /// What must be in the name of whatever is measured.
    pub only: Option<String>,
    /// Where the JSON goes; the standard output without it.
    pub json: Option<PathBuf>,
}

/// How many users the small store has, and how many devices the large one.
const FEW: usize = 1_000;
/// Connections are opened and statements prepared before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);

const PGBENCH: &str = "pgbench";
const ENROL: &str = "enrol a device";
const EDIT: &str = "edit a policy";
const CREATE: &str = "create a user";
const FIRST_FEW: &str = "first page of 50, few users";
const FIRST_MANY: &str = "first page of 50, many users";
const AFTER_FEW: &str = "page by after=, few users";
const AFTER_MANY: &str = "page by after=, many users";

/// A command, beside what the disk allows.
const fn command(name: &'static str) -> Row {
    Row { name, against: &[Some(PGBENCH), None] }
}

const TABLE: Table = Table {
    name: "http",
    clients: "clients",
    rate: "a second",
    ratios: &["of pgbench", "of few users"],
    rows: &[
        command(PGBENCH),
        command(ENROL),
        command(EDIT),
        command(CREATE),
        Row { name: FIRST_FEW, against: &[None, Some(FIRST_FEW)] },
        Row { name: FIRST_MANY, against: &[None, Some(FIRST_FEW)] },
        Row { name: AFTER_FEW, against: &[None, Some(AFTER_FEW)] },
        Row { name: AFTER_MANY, against: &[None, Some(AFTER_FEW)] },
    ],
};

/// Measures and prints.
///
/// # Errors
/// What kept it from measuring.
pub async fn run(options: Options) -> Outcome<()> {
    let most = options.clients.iter().copied().max().unwrap_or(1);
    let ground = Ground::lay().await?;
    eprintln!("{}", ground.machine);

    let row = sample_row(&ground).await?;
    let pgbench = PgBench::prepare(&ground, &row).await?;
    eprintln!("filling a store with {FEW} users, and one with {}", options.users);
    let few = Arc::new(Plane::start(&ground, "bench_few", FEW).await?);
    let many = Arc::new(Plane::start(&ground, "bench_many", options.users).await?);
    eprintln!("enrolling {FEW} devices");
    many.enrol(FEW).await?;
    let contenders: [(&'static str, Arc<dyn Contender>); 7] = [
        (ENROL, Arc::new(Enrol::new(&many))),
        (EDIT, Arc::new(EditPolicy::prepare(&many, most).await?)),
        (CREATE, Arc::new(CreateUser::new(&many))),
        (FIRST_FEW, Arc::new(ListUsers::first(&few))),
        (FIRST_MANY, Arc::new(ListUsers::first(&many))),
        (AFTER_FEW, Arc::new(ListUsers::after(&few).await?)),
        (AFTER_MANY, Arc::new(ListUsers::after(&many).await?)),
    ];
    let only = options.only.as_deref().unwrap_or_default();
    let contenders: Vec<_> =
        contenders.into_iter().filter(|(name, _)| name.contains(only)).collect();
    for (_, contender) in &contenders {
        drive(contender, most, WARM_UP).await?;
    }

    let about = format!(
        "A store of {} users and {FEW} devices (few users: {FEW}); pgbench commits the row of one \
         event; medians of {} rounds of {:?}.",
        options.users, options.rounds, options.time,
    );
    let mut report = Report::new(TABLE, &ground.machine, about);
    for round in 1..=options.rounds {
        for &clients in &options.clients {
            report.add(round, clients, PGBENCH, pgbench.run(clients, options.time).await?);
            for (name, contender) in &contenders {
                let sample = drive(contender, clients, options.time).await?;
                report.add(round, clients, name, sample);
            }
        }
    }
    drop(contenders);
    for plane in [few, many] {
        let plane = Arc::try_unwrap(plane).map_err(|_| "a plane is still in use")?;
        plane.check_and_stop().await?;
    }
    report.print(options.json.as_deref())
}

/// The row of an event as the write path stores it.
pub(super) async fn sample_row(ground: &Ground) -> Outcome<super::ours::SampleRow> {
    let ours = Ours::start(ground, 1).await?;
    let row = ours.sample_row().await?;
    ours.stop().await;
    Ok(row)
}
