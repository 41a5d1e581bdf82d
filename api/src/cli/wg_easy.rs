//! `nexavpn wg-easy`

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use clap::Subcommand;
use nexavpn_commands::{OsRandom, PasswordHasher, Random as _, Secret};

use super::{CliError, output::out};

/// Longer than every password.
const LONGEST: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Ask for the password of wg-easy's API (or read a line of standard input), and print the hash
    /// that NEXAVPN_WG_EASY_PASSWORD_HASH takes
    HashPassword,
}

pub(super) async fn run(command: Command) -> Result<(), CliError> {
    let Command::HashPassword = command;
    let failed = |error: io::Error| CliError::Said(format!("cannot read the password: {error}"));
    let password = ask().map_err(failed)?;
    if password.is_empty() {
        return Err(CliError::Said("the password is empty".into()));
    }
    let mut salt = [0; 16];
    OsRandom.fill(&mut salt);
    let hasher = PasswordHasher::new(PasswordHasher::OWASP, 1)?;
    out(&hasher.hash(Secret::new(password), salt).await?);
    Ok(())
}

fn ask() -> io::Result<String> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return rpassword::prompt_password("Password: ");
    }
    let mut line = String::new();
    stdin.lock().take(LONGEST).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
