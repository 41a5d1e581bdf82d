//! `nexavpn rebuild`

use std::time::Instant;

use nexavpn_projections::REGISTRY;

use super::{
    CliError, Context,
    output::{count, out},
    session::Session,
};

/// Which.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A read model's name, or `all`
    #[arg(value_name = "PROJECTION|all", value_parser = parse)]
    projection: String,
}

fn names() -> Vec<&'static str> {
    REGISTRY.iter().map(|projection| projection.name()).collect()
}

fn parse(name: &str) -> Result<String, String> {
    if name == "all" || names().contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!("there are {} and all", names().join(", ")))
}

pub(super) async fn run(context: Context, args: Args) -> Result<(), CliError> {
    let session = Session::open_existing(context).await?;
    let done = rebuild(&session, &args.projection).await;
    session.close(done).await
}

async fn rebuild(session: &Session, wanted: &str) -> Result<(), CliError> {
    let commands = session.commands().await?;
    let store = commands.store();
    // Where no server runs, somebody has to number what was appended last.
    store.sequence_once().await?;
    let owner = session.database.owner_pool();
    for name in names().into_iter().filter(|name| wanted == "all" || wanted == *name) {
        let started = Instant::now();
        let rebuilt = nexavpn_projections::rebuild(&owner, &store.log(), name).await?;
        out(&format!(
            "{name}: rebuilt from {} in {:.1} s",
            count(rebuilt.idx.unsigned_abs(), "event"),
            started.elapsed().as_secs_f64()
        ));
    }
    owner.close().await;
    Ok(())
}
