//! `./bench wg-easy`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use nexavpn_tests::bench::wg_easy::{Options, run};

/// Measures the wg-easy dialect on a durable PostgreSQL of its own: clients created, listed at 250
/// and deleted, each answered when the next read sees it, beside what version 14 of wg-easy was
/// measured to do; then as many clients as are asked for, made, listed and deleted by eight callers,
/// with every answer looked at.
#[derive(Debug, Parser)]
#[command(name = "bench wg-easy")]
struct Args {
    /// How many callers act at once
    #[arg(long, value_delimiter = ',', default_value = "1,8")]
    callers: Vec<usize>,
    /// How often everything is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// How many clients are made, listed and deleted at the end
    #[arg(long, default_value_t = 5_000)]
    many: usize,
    /// Writes the JSON to this file instead of the standard output
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { callers, rounds, seconds, many, json } = Args::parse();
    let options = Options { callers, rounds, time: Duration::from_secs(seconds), many, json };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}
