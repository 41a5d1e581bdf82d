//! `nexavpn admin`

use clap::{Args, Subcommand};
use nexavpn_commands::Request;
use nexavpn_store::Guard;

use super::{CliError, Context, output::frame, serve::credentials, session::Session};

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make another admin, with a one-time password that is printed, or with the one in
    /// NEXAVPN_ADMIN_PASSWORD
    Create(Name),
    /// Let somebody back in: enabled, admin, with a new one-time password, all sessions ended
    Reset(Name),
}

/// Whom.
#[derive(Debug, Args)]
pub(super) struct Name {
    /// The login name
    username: String,
}

pub(super) async fn run(context: Context, command: Command) -> Result<(), CliError> {
    let session = match &command {
        Command::Create(_) => Session::open(context).await?,
        Command::Reset(_) => Session::open_existing(context).await?,
    };
    let done = act(&session, command).await;
    let lines = session.close(done).await?;
    frame(&lines);
    Ok(())
}

async fn act(session: &Session, command: Command) -> Result<Vec<String>, CliError> {
    let commands = session.commands().await?;
    if let Guard::Restored { why } = commands.store().guard() {
        return Err(CliError::Said(format!(
            "{why}: run `nexavpn restore accept` first, if this is the history to go on from"
        )));
    }
    let request = Request::system("terminal", commands.new_id());
    let password = session.options.first_admin.password.clone();
    match command {
        Command::Create(Name { username }) => {
            let admin = commands.create_admin(&request, &username, password).await?.value;
            Ok(credentials("A new admin:", &admin))
        }
        Command::Reset(Name { username }) => {
            let done = commands.reset_admin(&request, &username, password).await?;
            let done = done.ok_or_else(|| {
                CliError::Said(format!(
                    "there is no user {username}: `nexavpn admin create {username}` makes one"
                ))
            })?;
            Ok(credentials("An admin again, with all sessions ended:", &done.value))
        }
    }
}
