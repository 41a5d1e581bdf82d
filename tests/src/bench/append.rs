//! `./bench append`: how fast one event gets into the log, beside what PostgreSQL and stock
//! postgres-es make of the same row on the same cluster in the same run.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    Outcome,
    drive::{Contender, Sample, drive},
    ground::Ground,
    ours::{LoadFirst, Ours},
    pgbench::PgBench,
    report::Report,
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

/// The names of the contenders, in the order of the table.
pub(super) const PGBENCH: &str = "pgbench";
/// As `CqrsFramework::execute` appends: it loads first, also what does not exist yet.
pub(super) const STOCK: &str = "postgres-es";
/// The part of it that writes.
const STOCK_COMMIT: &str = "postgres-es, no load";
/// As the API appends: a command that creates has nothing to load.
const OURS: &str = "nexavpn";
/// As it appends to what exists.
const OURS_LOADED: &str = "nexavpn, load first";
const EVERYTHING: &str = "nexavpn, everything on";
pub(super) const CONTENDERS: [&str; 6] =
    [PGBENCH, STOCK, STOCK_COMMIT, OURS, OURS_LOADED, EVERYTHING];

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

    let mut report = Report::new(&ground.machine, &row, &options);
    for round in 1..=options.rounds {
        for &writers in &options.writers {
            note(round, writers, PGBENCH, &mut report, pgbench.run(writers, options.time).await?);
            for (name, contender) in &in_process {
                let sample = drive(contender, writers, options.time).await?;
                note(round, writers, name, &mut report, sample);
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

fn note(round: usize, writers: usize, name: &'static str, report: &mut Report, sample: Sample) {
    eprintln!("round {round}, {writers:>2} writers: {:>8.0}/s  {name}", sample.per_second());
    report.add(writers, name, sample);
}
