//! `nexavpn verify`

use std::collections::BTreeMap;

use nexavpn_projections::REGISTRY;
use nexavpn_store::Store;

use super::{
    CliError, Context,
    output::{count, out},
    session::Session,
};

/// How many problems of one kind are printed.
const SHOWN: usize = 20;

pub(super) async fn run(context: Context) -> Result<(), CliError> {
    let session = Session::open_existing(context).await?;
    let done = verify(&session).await;
    match session.close(done).await? {
        0 => Ok(()),
        n => {
            out(&format!("{} found.", count(n as u64, "problem")));
            out(
                "Differences of a read model go with `nexavpn rebuild`; please report all of them.",
            );
            Err(CliError::Problems)
        }
    }
}

async fn verify(session: &Session) -> Result<usize, CliError> {
    let commands = session.commands().await?;
    let store = commands.store();
    // Where no server runs, somebody has to number what was appended last.
    store.sequence_once().await?;
    let report = nexavpn_store::verify(store.pool(), store.keyring()).await?;
    let events = count(report.events, "event");
    say(
        &format!("event store ({events}, order, transparency log, claims, addresses)"),
        &report.problems,
    );
    let (states, differing) = nexavpn_gateway_projector::compare_states(store).await?;
    say(&format!("kept states of the fleet ({states})"), &differing);
    let problems = report.problems.len() + differing.len();
    Ok(problems + compare_read_models(session, store).await?)
}

async fn compare_read_models(session: &Session, store: &Store) -> Result<usize, CliError> {
    let owner = session.database.owner_pool();
    let mut problems = 0;
    for projection in REGISTRY {
        let name = projection.name();
        let differences = nexavpn_projections::compare(&owner, &store.log(), name).await?;
        // By table only: rows may hold personal data.
        let mut tables: BTreeMap<String, u64> = BTreeMap::new();
        for difference in &differences {
            *tables.entry(difference.table.clone()).or_default() += 1;
        }
        let lines: Vec<String> = tables
            .iter()
            .map(|(table, n)| format!("{table}: {} only live or only rebuilt", count(*n, "row")))
            .collect();
        say(&format!("read model {name}"), &lines);
        problems += lines.len();
    }
    owner.close().await;
    Ok(problems)
}

fn say(what: &str, problems: &[String]) {
    let mark = if problems.is_empty() { "ok     " } else { "DIFFERS" };
    out(&format!("{mark}  {what}"));
    for problem in problems.iter().take(SHOWN) {
        out(&format!("           {problem}"));
    }
    if problems.len() > SHOWN {
        out(&format!("           and {} more", problems.len() - SHOWN));
    }
}
