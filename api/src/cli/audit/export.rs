//! `nexavpn audit export`

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use nexavpn_store::{Archive, ArchiveRange, LogKey, Store};

use super::notes;
use crate::{
    cli::{CliError, Context, output::err, session::Session},
    serve::ServeError,
};

/// Which events, and where to.
#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// The number of the first event [default: 1]
    #[arg(
        long,
        env = "NEXAVPN_AUDIT_FROM",
        value_name = "IDX",
        hide_env_values = true,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    from: Option<u64>,
    /// The number of the last event [default: the newest]
    #[arg(
        long,
        env = "NEXAVPN_AUDIT_TO",
        value_name = "IDX",
        hide_env_values = true,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    to: Option<u64>,
    /// A checkpoint that was kept and that the archive is to be verified against; needed for one
    /// outside of the range
    #[arg(long, env = "NEXAVPN_AUDIT_CHECKPOINT", value_name = "FILE", hide_env_values = true)]
    checkpoint: Vec<PathBuf>,
    /// The file to write; it must not exist yet [default: the standard output]
    #[arg(long, env = "NEXAVPN_AUDIT_OUTPUT", value_name = "FILE", hide_env_values = true)]
    output: Option<PathBuf>,
}

pub(super) async fn run(context: Context, args: Export) -> Result<(), CliError> {
    let session = Session::open_existing(context).await?;
    let done = export(&session, args).await;
    session.close(done).await
}

async fn export(session: &Session, args: Export) -> Result<(), CliError> {
    let commands = session.commands().await?;
    let store = commands.store();
    let key = LogKey::open(store.keyring()).await.map_err(ServeError::from)?;
    let kept = notes::kept(&key.verifier(), &args.checkpoint)?;
    // Where no server runs, somebody has to.
    store.sequence_once().await?;
    let tree = store.log_tree();
    tree.catch_up().await.map_err(ServeError::from)?;
    let checkpoint = tree.checkpoint(&key, commands.now()).await.map_err(ServeError::from)?;
    let range = ArchiveRange {
        from: args.from.unwrap_or(1),
        to: args.to.unwrap_or(checkpoint.0.size),
        kept: kept.iter().map(|(_, kept)| kept.size).collect(),
        checkpoint,
    };
    let (from, to) = (range.from, range.to);
    if from > to {
        return Err(CliError::Said(format!("there is nothing from event {from} to event {to}")));
    }
    match &args.output {
        None => write(store, range, io::stdout().lock()).await,
        Some(path) => {
            let file = File::options().write(true).create_new(true).open(path);
            let file = file.map_err(|error| failed(path, &error))?;
            write(store, range, &file).await?;
            file.sync_all().map_err(|error| failed(path, &error))?;
            err(&format!("events {from} to {to} are in {}", path.display()));
            Ok(())
        }
    }
}

async fn write(store: &Store, range: ArchiveRange, mut to: impl Write) -> Result<(), CliError> {
    let mut archive = Archive::begin(store.log_tree(), range).await.map_err(ServeError::from)?;
    while let Some(lines) = archive.lines().await.map_err(ServeError::from)? {
        to.write_all(lines.as_bytes())
            .map_err(|error| CliError::Said(format!("the archive is not whole: {error}")))?;
    }
    to.flush().map_err(|error| CliError::Said(format!("the archive is not whole: {error}")))
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::Said(format!("cannot write {}: {error}", path.display()))
}
