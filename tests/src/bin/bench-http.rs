//! `./bench http`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use nexavpn_tests::bench::http::{Options, run};

/// Measures commands and lists over HTTP on a durable PostgreSQL of its own, each answered when
/// the next read sees it, beside pgbench's rate of commits, in turn, round by round.
#[derive(Debug, Parser)]
#[command(name = "bench http")]
struct Args {
    /// How many clients act at once
    #[arg(long, value_delimiter = ',', default_value = "8")]
    clients: Vec<usize>,
    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// How many users the large store has
    #[arg(long, default_value_t = 100_000)]
    users: usize,
    /// Measures only what has this in its name, beside pgbench
    #[arg(long)]
    only: Option<String>,
    /// Writes the JSON to this file instead of the standard output
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { clients, rounds, seconds, users, only, json } = Args::parse();
    let time = Duration::from_secs(seconds);
    let options = Options { clients, rounds, time, users, only, json };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}
