//! `nexavpn restore`

use clap::{Args, Subcommand};
use nexavpn_commands::{Clock as _, SystemClock};
use nexavpn_store::{Guard, restore_accept};

use super::{CliError, Context, output::out, session::Session};

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Take the events in the database as the history to go on from
    ///
    /// A database that was restored from a dump or copied to another cluster takes no writes
    /// until this is done, since its transaction ids contradict the new cluster's. From then on
    /// events belong to a new generation, and gateways take bundles of a new epoch. What was
    /// recorded after the backup is lost: gateways go back to what the backup says.
    Accept(Accept),
}

/// How.
#[derive(Debug, Args)]
pub(super) struct Accept {
    /// Also where nothing shows that the database was restored: after a failover that lost
    /// commits
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(context: Context, command: Command) -> Result<(), CliError> {
    let Command::Accept(args) = command;
    let session = Session::open_existing(context).await?;
    let done = accept(&session, &args).await;
    session.close(done).await
}

async fn accept(session: &Session, args: &Accept) -> Result<(), CliError> {
    let commands = session.commands().await?;
    match commands.store().guard() {
        Guard::Restored { why } => out(&format!("Found: {why}.")),
        Guard::Ok if args.force => {}
        Guard::Ok => {
            return Err(CliError::Said(
                "nothing is to be accepted: the database takes writes. After a failover that \
                 lost commits, say --force"
                    .into(),
            ));
        }
    }
    let owner = session.database.owner_pool();
    let accepted = restore_accept(&owner, SystemClock.now()).await;
    owner.close().await;
    let accepted = accepted?;
    out(&format!(
        "Accepted: generation {}, epoch {}. A running server takes writes again within seconds.",
        accepted.generation, accepted.epoch
    ));
    Ok(())
}
