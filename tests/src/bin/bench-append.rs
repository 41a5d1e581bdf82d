//! `./bench append`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use nexavpn_tests::bench::append::{Options, run};

/// Measures appends, one event each to a new aggregate, on a durable PostgreSQL of its own:
/// pgbench, stock postgres-es and NexaVPN's write path, in turn, round by round.
#[derive(Debug, Parser)]
#[command(name = "bench append")]
struct Args {
    /// How many write at once
    #[arg(long, value_delimiter = ',', default_value = "1,8,32")]
    writers: Vec<usize>,
    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Writes the JSON to this file instead of the standard output
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { writers, rounds, seconds, json } = Args::parse();
    let options = Options { writers, rounds, time: Duration::from_secs(seconds), json };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}
