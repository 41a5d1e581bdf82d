//! `nexavpn import`

mod wg_easy;

use clap::Subcommand;

use super::{CliError, Context};

/// From where.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// A wg-easy server (version 14's wg0.json, version 15's wg-easy.db): its clients go on working
    /// with the profile they have
    ///
    /// The server becomes a gateway and its clients become devices of one user, with their names,
    /// keys, preshared keys, addresses and expiry dates. All of it happens at once or nothing; a
    /// second time changes nothing. The server's private key is not read: the gateway's node takes
    /// it over from wg-easy's file (nexavpn-gateway join --private-key-file).
    WgEasy(Box<wg_easy::Args>),
}

pub(super) async fn run(context: Context, command: Command) -> Result<(), CliError> {
    match command {
        Command::WgEasy(args) => wg_easy::run(context, *args).await,
    }
}
