//! `./run demo`: the whole path with real packets.

use std::process::ExitCode;

fn main() -> ExitCode {
    let number = std::cell::Cell::new(0);
    let tell = |line: &str| {
        if line.starts_with(' ') {
            println!("{line}");
            return;
        }
        number.set(number.get() + 1);
        println!("{:>2}. {line}", number.get());
    };
    let binaries = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    let Some(binaries) = binaries else {
        eprintln!("The demo cannot find the programs that were built beside it.");
        return ExitCode::FAILURE;
    };
    match nexavpn_tests::demo::run(binaries, &tell) {
        Ok(()) => {
            println!("\nAll of it happened with real packets. Everything is removed again.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("\nThe demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}
