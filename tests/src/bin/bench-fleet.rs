//! `./bench fleet`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use nexavpn_tests::bench::fleet::{Options, print_weight, run};

/// Measures the time from the append of a device's change to the published delta, in a fleet of
/// one gateway and in one of many with as many devices each, in turn, round by round; and what a
/// control plane of the large one weighs.
#[derive(Debug, Parser)]
#[command(name = "bench fleet")]
struct Args {
    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// How many gateways the large fleet has
    #[arg(long, default_value_t = 100)]
    gateways: usize,
    /// How many devices each gateway has
    #[arg(long, default_value_t = 1_000)]
    devices: usize,
    /// Writes the JSON to this file instead of the standard output
    #[arg(long)]
    json: Option<PathBuf>,
    /// What the benchmark calls itself with: starts on this database and prints what that weighs
    #[arg(long, hide = true)]
    weigh: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { rounds, seconds, gateways, devices, json, weigh } = Args::parse();
    let time = Duration::from_secs(seconds);
    let done = match weigh {
        Some(url) => print_weight(&url).await,
        None => run(Options { rounds, time, gateways, devices, json }).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}
