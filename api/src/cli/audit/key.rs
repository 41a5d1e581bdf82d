//! `nexavpn audit key`

use nexavpn_store::LogKey;

use crate::{
    cli::{CliError, Context, output::out, session::Session},
    serve::ServeError,
};

pub(super) async fn run(context: Context) -> Result<(), CliError> {
    let session = Session::open_existing(context).await?;
    let done = verifier(&session).await;
    out(&session.close(done).await?);
    Ok(())
}

async fn verifier(session: &Session) -> Result<String, CliError> {
    let commands = session.commands().await?;
    let key = LogKey::open(commands.store().keyring()).await.map_err(ServeError::from)?;
    Ok(key.verifier().to_string())
}
