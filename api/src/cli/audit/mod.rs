//! `nexavpn audit`
//!
//! | file | holds |
//! | --- | --- |
//! | `key.rs` | `audit key` |
//! | `checkpoint.rs` | `audit checkpoint` |
//! | `export.rs` | `audit export` |
//! | `verify.rs` | `audit verify` |
//! | `notes.rs` | keys and checkpoints from files |

mod checkpoint;
mod export;
mod key;
mod notes;
mod verify;

use clap::Subcommand;

use super::{CliError, Context};

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the transparency log's public key, with which others verify checkpoints and archives
    ///
    /// It is `<name>+<hash>+<key>`, as tools for C2SP signed notes take it. Keep it where whoever
    /// runs this server cannot change it.
    Key,
    /// Print the newest checkpoint, signed; keep it to know later that nothing before was edited
    Checkpoint,
    /// Write events with their proofs to an archive, personal data sealed
    Export(export::Export),
    /// Verify archives, without the server and its database, and name the first event that does
    /// not fit
    Verify(verify::Verify),
}

pub(super) async fn run(context: Context, command: Command) -> Result<(), CliError> {
    match command {
        Command::Key => key::run(context).await,
        Command::Checkpoint => checkpoint::run(context).await,
        Command::Export(args) => export::run(context, args).await,
        Command::Verify(args) => verify::run(&args),
    }
}
