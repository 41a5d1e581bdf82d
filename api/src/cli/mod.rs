//! The `nexavpn` program: one file for each subcommand.
//!
//! To add one: a file with its `Args` and `run`, a variant of [`Command`] and an arm in [`run`].

mod admin;
mod audit;
mod doctor;
mod import;
mod keys;
mod logging;
mod migrate;
mod openapi;
mod output;
mod rebuild;
mod restore;
mod serve;
mod session;
mod verify;
mod wg_easy;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use nexavpn_commands::{CommandError, Secret};

use crate::{
    config::{ConfigError, DatabaseArgs, File, LogArgs},
    serve::ServeError,
};
use output::err;

/// Holds the first admin's password, or that of `admin create` and `admin reset`. No flag and
/// nothing in a file: command lines and configuration files are read by others.
const PASSWORD_VARIABLE: &str = "NEXAVPN_ADMIN_PASSWORD";

const EXAMPLES: &str = "\
To begin:
  nexavpn serve                    start; prints the URL and the first admin's password
  nexavpn doctor                   look for what is wrong, and how to mend it
  nexavpn <command> --help         everything about one command

Every option can also be set in the environment (the names in brackets) and in a file:
  nexavpn --config /etc/nexavpn.toml serve

  [database]
  data_dir = \"/var/lib/nexavpn\"
  [serve]
  listen = \"127.0.0.1:8080\"
  [log]
  log_format = \"json\"

A flag comes before the environment, and the environment before the file.";

/// NexaVPN: the control plane of a WireGuard VPN.
///
/// Users, devices, policies and gateways are kept as a stream of events in PostgreSQL; gateways
/// fetch signed bundles that say who may reach what.
#[derive(Debug, Parser)]
#[command(name = "nexavpn", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(propagate_version = false, disable_help_subcommand = true)]
struct Cli {
    /// Configuration file (TOML)
    #[arg(
        long,
        global = true,
        env = "NEXAVPN_CONFIG",
        value_name = "FILE",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the control plane
    Serve(Box<crate::config::ServeArgs>),
    /// Bring the database's schema up to date (`serve` does so too)
    Migrate,
    /// Fold a read model again from the events, beside the old one, and switch
    Rebuild(rebuild::Args),
    /// Derive everything again from the events and compare with what is stored
    Verify,
    /// The transparency log: its key, archives, and verifying them without the server
    #[command(subcommand)]
    Audit(audit::Command),
    /// Make an admin, or let one back in
    #[command(subcommand)]
    Admin(admin::Command),
    /// Take over what another program has served so far
    #[command(subcommand)]
    Import(import::Command),
    /// The keys that sign access tokens and bundles
    #[command(subcommand)]
    Keys(keys::Command),
    /// After a restore from a backup
    #[command(subcommand)]
    Restore(restore::Command),
    /// Look for what is wrong; fails where something is
    Doctor,
    /// wg-easy's HTTP API beside ours
    #[command(subcommand)]
    WgEasy(wg_easy::Command),
    /// Print the description of the API (OpenAPI 3.1)
    Openapi,
    /// Print the version
    Version,
}

/// What a subcommand needs to find its data.
struct Context {
    database: DatabaseArgs,
    password: Option<Secret>,
}

/// Why a subcommand failed, in words for whoever typed it.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Rebuild(#[from] nexavpn_projections::RebuildError),
    #[error(transparent)]
    Fleet(#[from] nexavpn_gateway_projector::FleetAtError),
    #[error("{0}")]
    Said(String),
    /// What is wrong has been printed already.
    #[error("problems were found")]
    Problems,
}

impl From<nexavpn_store::StoreError> for CliError {
    fn from(error: nexavpn_store::StoreError) -> Self {
        Self::Serve(error.into())
    }
}

impl From<sqlx::Error> for CliError {
    fn from(error: sqlx::Error) -> Self {
        nexavpn_store::StoreError::from(error).into()
    }
}

impl From<CommandError> for CliError {
    fn from(error: CommandError) -> Self {
        Self::Serve(error.into())
    }
}

/// Runs the program that the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            err(&format!("nexavpn: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(run(cli));
    // What still runs, such as a hash of an aborted login, is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(CliError::Problems) => ExitCode::FAILURE,
        Err(error) => {
            err(&format!("nexavpn: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), CliError> {
    let file = cli.config.map(File::read).transpose()?.unwrap_or_default();
    let quiet = !matches!(cli.command, Command::Serve(_));
    logging::start(&cli.log, file.log, quiet)?;
    let password = std::env::var(PASSWORD_VARIABLE).ok().filter(|p| !p.is_empty());
    let context =
        Context { database: cli.database.or(file.database), password: password.map(Secret::new) };
    match cli.command {
        Command::Serve(args) => {
            let File { serve, http, wg_easy, .. } = file;
            let file = crate::config::ServeArgs { http, wg_easy, ..serve };
            serve::run(context, args.or(file)).await
        }
        Command::Migrate => migrate::run(context).await,
        Command::Rebuild(args) => rebuild::run(context, args).await,
        Command::Verify => verify::run(context).await,
        Command::Audit(command) => audit::run(context, command).await,
        Command::Admin(command) => admin::run(context, command).await,
        Command::Import(command) => import::run(context, command).await,
        Command::Keys(command) => keys::run(context, command).await,
        Command::Restore(command) => restore::run(context, command).await,
        Command::Doctor => doctor::run(context).await,
        Command::WgEasy(command) => wg_easy::run(command).await,
        Command::Openapi => {
            openapi::run();
            Ok(())
        }
        Command::Version => {
            output::out(concat!("nexavpn ", env!("CARGO_PKG_VERSION")));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_a_variable_and_says_what_it_is_for() {
        fn check(command: &clap::Command) {
            for arg in command.get_arguments().filter(|a| a.get_long().is_some()) {
                let name = arg.get_id().as_str();
                if ["help", "version"].contains(&name) {
                    continue;
                }
                assert!(arg.get_help().is_some(), "{name} has no help");
                // What a person says once belongs in no file.
                let once = ["force", "drop_old"].contains(&name) || command.get_name() == "wg-easy";
                assert!(once || arg.get_env().is_some(), "{name} has no variable");
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
