//! `nexavpn audit checkpoint`

use std::io::Write as _;

use nexavpn_store::LogKey;

use crate::{
    cli::{CliError, Context, session::Session},
    serve::ServeError,
};

pub(super) async fn run(context: Context) -> Result<(), CliError> {
    let session = Session::open_existing(context).await?;
    let done = note(&session).await;
    let note = session.close(done).await?;
    // To the byte: the note ends with its last line.
    let written = std::io::stdout().write_all(note.as_bytes());
    written.map_err(|error| CliError::Said(format!("the checkpoint was not written: {error}")))
}

async fn note(session: &Session) -> Result<String, CliError> {
    let commands = session.commands().await?;
    let store = commands.store();
    let key = LogKey::open(store.keyring()).await.map_err(ServeError::from)?;
    // Where no server runs, somebody has to.
    store.sequence_once().await?;
    let tree = store.log_tree();
    tree.catch_up().await.map_err(ServeError::from)?;
    Ok(tree.checkpoint(&key, commands.now()).await.map_err(ServeError::from)?.1)
}
