//! The log, on standard error: standard output is for what people asked for.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::CliError;
use crate::config::{LogArgs, LogFormat};

/// Statements of the database driver are noise.
const SERVER: &str = "info,sqlx=warn";
/// Beside a subcommand's own output only what is wrong.
const QUIET: &str = "warn";

/// Starts the log. A flag or NEXAVPN_LOG comes before RUST_LOG, and that before the file.
pub(super) fn start(given: &LogArgs, file: LogArgs, quiet: bool) -> Result<(), CliError> {
    let rust_log = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty());
    let default = if quiet { QUIET } else { SERVER };
    let filter = given.log.clone().or(rust_log).or(file.log).unwrap_or_else(|| default.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        CliError::Said(format!(
            "{filter:?} is no log filter ({error}): use a level such as `info`, or \
             `module=level,…`"
        ))
    })?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match given.log_format.or(file.log_format).unwrap_or(LogFormat::Text) {
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            subscriber.compact().with_target(false).with_ansi(colours).init();
        }
    }
    Ok(())
}
