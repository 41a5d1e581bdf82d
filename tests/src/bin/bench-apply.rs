//! `./bench apply`.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use nexavpn_tests::bench::apply::{Options, run};

/// Measures, on a node of its own, how long the agent takes to bring one device's change and a
/// whole bundle into force, the latter beside bare `nft -f` and UAPI calls, and what the rules
/// cost a forwarded packet. Needs root, nftables and wireguard-go.
#[derive(Debug, Parser)]
#[command(name = "bench apply")]
struct Args {
    /// How often everything is loaded from nothing
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many changes there are in each round
    #[arg(long, default_value_t = 80)]
    changes: usize,
    /// How often each device sends a packet
    #[arg(long, default_value_t = 100)]
    passes: usize,
    /// How many devices the gateway has
    #[arg(long, default_value_t = 10_000)]
    devices: usize,
    /// How many policies there are
    #[arg(long, default_value_t = 200)]
    policies: usize,
    /// Writes the JSON to this file instead of the standard output
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Args { rounds, changes, passes, devices, policies, json } = Args::parse();
    match run(&Options { rounds, changes, passes, devices, policies, json }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}
