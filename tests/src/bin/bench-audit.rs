//! `./bench audit`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use nexavpn_tests::bench::audit::{Options, run};

/// Measures the audit log in a store of many events: pages, the export beside a bare COPY, proofs,
/// and questions about the past; and what the tree of hashes costs those who append.
#[derive(Debug, Parser)]
#[command(name = "bench audit")]
struct Args {
    /// How many events there are
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// How often each question is asked
    #[arg(long, default_value_t = 300)]
    times: usize,
    /// How often appends are measured with and without the tree
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement of appends takes
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Writes the JSON to this file instead of the standard output
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { events, times, rounds, seconds, json } = Args::parse();
    let options = Options { events, times, rounds, time: Duration::from_secs(seconds), json };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}
