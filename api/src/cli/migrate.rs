//! `nexavpn migrate`

use super::{
    CliError, Context,
    output::{count, out},
    session::Session,
};

pub(super) async fn run(context: Context) -> Result<(), CliError> {
    let session = Session::open(context).await?;
    let done = migrate(&session).await;
    session.close(done).await
}

async fn migrate(session: &Session) -> Result<(), CliError> {
    let pending = session.database.pending().await?;
    session.database.migrate().await?;
    out(&match pending.len() as u64 {
        0 => "The schema was up to date.".to_owned(),
        n => format!("The schema is up to date: {} done.", count(n, "migration")),
    });
    Ok(())
}
