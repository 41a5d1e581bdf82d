//! The `nexavpn` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    nexavpn_api::cli::main()
}
