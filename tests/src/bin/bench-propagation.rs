//! `./bench propagation`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use nexavpn_tests::bench::propagation::{Options, run};

/// Measures the time from an admin's request to the verified bundle at a gateway that waits for
/// it, while a hundred changes are made every second, beside pgbench's commits.
#[derive(Debug, Parser)]
#[command(name = "bench propagation")]
struct Args {
    /// How often everything is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// How many gateways wait
    #[arg(long, default_value_t = 50)]
    gateways: usize,
    /// How many devices there are on all of them together
    #[arg(long, default_value_t = 10_000)]
    devices: usize,
    /// How many policies there are
    #[arg(long, default_value_t = 200)]
    policies: usize,
    /// Edits no policy for everyone: what the other changes cost by themselves
    #[arg(long)]
    few: bool,
    /// Writes the JSON to this file instead of the standard output
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { rounds, seconds, gateways, devices, policies, few, json } = Args::parse();
    let time = Duration::from_secs(seconds);
    match run(Options { rounds, time, gateways, devices, policies, everyone: !few, json }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}
