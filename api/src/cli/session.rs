//! A subcommand's use of the database, beside a running server or alone.

use nexavpn_commands::Commands;
use sqlx::PgPool;

use super::{CliError, Context};
use crate::serve::{Database, DatabaseOptions, ServeOptions, open_commands};

/// A database for the time of a subcommand.
pub(super) struct Session {
    pub(super) options: ServeOptions,
    pub(super) database: Database,
    pub(super) pool: PgPool,
}

impl Session {
    /// Reaches the database. The embedded one is started for the time being where it does not
    /// run.
    pub(super) async fn open(context: Context) -> Result<Self, CliError> {
        let options = ServeOptions::from_args(
            context.database,
            crate::config::ServeArgs::default(),
            context.password,
        )?;
        let database = Database::open(&options.database).await?;
        let pool = database.pool();
        Ok(Self { options, database, pool })
    }

    /// The same, where an installation must be there already.
    pub(super) async fn open_existing(context: Context) -> Result<Self, CliError> {
        let options: DatabaseOptions = context.database.clone().into();
        // Otherwise a mistyped directory would become a new, empty installation.
        if options.database_url.is_none() && !options.master_key_file().exists() {
            return Err(CliError::Said(format!(
                "there is no NexaVPN in {}: name its directory with --data-dir, or start one \
                 with `nexavpn serve`",
                options.data_dir.display()
            )));
        }
        Self::open(context).await
    }

    /// The write side, over a schema that is up to date.
    pub(super) async fn commands(&self) -> Result<Commands, CliError> {
        self.database.ensure_migrated().await?;
        Ok(open_commands(&self.pool, &self.options).await?)
    }

    /// Ends, whatever came of it.
    pub(super) async fn close<T>(self, result: Result<T, CliError>) -> Result<T, CliError> {
        self.pool.close().await;
        let closed = self.database.close().await;
        let value = result?;
        closed?;
        Ok(value)
    }
}
