//! `./bench append`: how fast one event gets into the log, beside what PostgreSQL and stock
//! postgres-es make of the same row on the same cluster in the same run.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    Outcome,
    drive::{Contender, drive},
    ground::Ground,
    ours::{LoadFirst, Ours},
    pgbench::PgBench,
    report::{Report, Row, Table},
    stock::Stock,
};

/// What is measured how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many write at once, one measurement for each.
    pub writers: Vec<usize>,
    /// How often everything is measured; medians are reported.
    pub rounds: usize,
    /// How long each measurement takes.
    pub time: Duration,
    /// Where the JSON goes; the standard output without it.
    pub json: Option<PathBuf>,
}

/// Connections are opened and statements prepared before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);

const PGBENCH: &str = "pgbench";
/// As `CqrsFramework::execute` appends: it loads first, also what does not exist yet.
const STOCK: &str = "postgres-es";
/// The part of it that writes.
const STOCK_COMMIT: &str = "postgres-es, no load";
/// As the API appends: a command that creates has nothing to load.
const OURS: &str = "nexavpn";
/// As it appends to what exists.
const OURS_LOADED: &str = "nexavpn, load first";
const EVERYTHING: &str = "nexavpn, everything on";

const fn row(name: &'static str) -> Row {
    Row { name, against: &[Some(PGBENCH), Some(STOCK)] }
}

const TABLE: Table = Table {
    name: "append",
    clients: "writers",
    rate: "appends/s",
    ratios: &["of pgbench", "of postgres-es"],
    rows: &[
        row(PGBENCH),
        row(STOCK),
        row(STOCK_COMMIT),
        row(OURS),
        row(OURS_LOADED),
        row(EVERYTHING),
    ],
};

/// Measures and prints.
///
/// # Errors
/// What kept it from measuring.
pub async fn run(options: Options) -> Outcome<()> {
    let most = options.writers.iter().copied().max().unwrap_or(1);
    let ground = Ground::lay().await?;
    eprintln!("{}", ground.machine);

    let ours = Ours::start(&ground, most).await?;
    let row = ours.sample_row().await?;
    let everything = Ours::start_everything(&ground, most).await?;
    let pgbench = PgBench::prepare(&ground, &row).await?;
    let stock = Arc::new(Stock::prepare(&ground, &row, most, true).await?);
    let stock_commit = Arc::new(Stock::prepare(&ground, &row, most, false).await?);
    let (ours, everything) = (Arc::new(ours), Arc::new(everything));
    let in_process: [(&'static str, Arc<dyn Contender>); 5] = [
        (STOCK, stock),
        (STOCK_COMMIT, stock_commit),
        (OURS, Arc::clone(&ours) as _),
        (OURS_LOADED, Arc::new(LoadFirst(Arc::clone(&ours)))),
        (EVERYTHING, Arc::clone(&everything) as _),
    ];
    for (_, contender) in &in_process {
        drive(contender, most, WARM_UP).await?;
    }

    let about = format!(
        "One event with {} bytes of payload and {} of metadata to a new aggregate; medians of {} \
         rounds of {:?}.",
        row.payload.len(),
        row.metadata.len(),
        options.rounds,
        options.time,
    );
    let mut report = Report::new(TABLE, &ground.machine, about);
    for round in 1..=options.rounds {
        for &writers in &options.writers {
            report.add(round, writers, PGBENCH, pgbench.run(writers, options.time).await?);
            for (name, contender) in &in_process {
                let sample = drive(contender, writers, options.time).await?;
                report.add(round, writers, name, sample);
            }
        }
    }
    ours.check().await?;
    everything.check().await?;
    report.print(options.json.as_deref())?;
    drop(in_process);
    for contender in [ours, everything] {
        if let Ok(contender) = Arc::try_unwrap(contender) {
            contender.stop().await;
        }
    }
    Ok(())
}
