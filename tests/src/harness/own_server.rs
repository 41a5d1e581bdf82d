//! A PostgreSQL for one test.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nexavpn_api::postgres::{DATABASE, EmbeddedPostgres, Options, SERVER_ROLE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::PgPool;

use super::database::pool;

/// A server of its own with a migrated database, removed with this value.
#[derive(Debug)]
pub struct OwnServer {
    /// `None` between a kill and the restart.
    server: Option<EmbeddedPostgres>,
    options: Options,
    remembered: String,
    dir: tempfile::TempDir,
}

impl OwnServer {
    /// Starts a server and migrates its database. A durable one keeps its data on disk with
    /// fsync on, as an installation does; the other one in memory.
    ///
    /// # Panics
    /// Where PostgreSQL does not start, or the migrations fail.
    pub async fn start(durable: bool) -> Self {
        Self::start_with(durable, &[]).await
    }

    /// The same with PostgreSQL settings of the test's choice.
    ///
    /// # Panics
    /// As [`OwnServer::start`].
    pub async fn start_with(durable: bool, settings: &[(&str, &str)]) -> Self {
        let own = Self::start_empty(durable, settings).await;
        own.migrate().await;
        own
    }

    /// The same without migrating: roles and an empty database only.
    ///
    /// # Panics
    /// Where PostgreSQL does not start.
    pub async fn start_empty(durable: bool, settings: &[(&str, &str)]) -> Self {
        // Not the usual temporary directory, which may be in memory.
        let parent = if durable { PathBuf::from("/var/tmp") } else { super::shared::fast_dir() };
        let dir = tempfile::Builder::new()
            .prefix("nexavpn-pg-")
            // Passable, because PostgreSQL may have to run as another user than root.
            .permissions(std::fs::Permissions::from_mode(0o711))
            .tempdir_in(parent)
            .unwrap_or_else(|error| panic!("no directory for PostgreSQL: {error}"));
        // A killed server that is not started again would leave segments in memory.
        let tidy = ("dynamic_shared_memory_type", "mmap");
        let settings = std::iter::once(&tidy).chain(settings);
        let options = Options {
            fsync: durable,
            extra_settings: settings.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..Options::new(dir.path().join("pg"))
        };
        let server = launch(&options).await;
        let remembered = server.superuser_url("postgres");
        super::poll::remember(remembered.clone());
        Self { server: Some(server), options, remembered, dir }
    }

    /// Brings the database up to date as its owner.
    ///
    /// # Panics
    /// Where a migration fails.
    pub async fn migrate(&self) {
        let owner = self.owner_pool();
        let migrated = nexavpn_store::migrate(&owner, Some(SERVER_ROLE)).await;
        migrated.unwrap_or_else(|error| panic!("the migrations failed: {error}"));
        owner.close().await;
    }

    /// Connections as the server's role.
    #[must_use]
    pub fn pool(&self) -> PgPool {
        pool(&self.server_url())
    }

    /// Connections as the owner's role.
    #[must_use]
    pub fn owner_pool(&self) -> PgPool {
        pool(&self.owner_url())
    }

    /// URL for the server's role.
    #[must_use]
    pub fn server_url(&self) -> String {
        self.server_url_of(DATABASE)
    }

    /// URL for the server's role in another database.
    #[must_use]
    pub fn server_url_of(&self, database: &str) -> String {
        self.running().server_url(database)
    }

    /// URL for the owner's role.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.running().owner_url(DATABASE)
    }

    /// URL for the superuser in any database.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        self.running().superuser_url(database)
    }

    /// The directory that the server was started in, for a process that shall start its own
    /// server on the same data.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.options.data_dir
    }

    /// What PostgreSQL has written to its log.
    ///
    /// # Panics
    /// Where it has none.
    #[must_use]
    pub fn log(&self) -> String {
        let path = self.options.data_dir.join("postgres.log");
        let log = std::fs::read(&path);
        let log = log.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        String::from_utf8_lossy(&log).into_owned()
    }

    /// A directory that is removed with the server.
    #[must_use]
    pub fn scratch_dir(&self) -> &Path {
        self.dir.path()
    }

    /// Kills PostgreSQL with SIGKILL and waits until it is gone.
    ///
    /// # Panics
    /// Where it was killed already.
    pub async fn kill(&mut self) {
        let server = self.server.take().unwrap_or_else(|| panic!("PostgreSQL is killed already"));
        // It can only fail for a server that has ended by itself.
        let _ = kill(Pid::from_raw(server.pid()), Signal::SIGKILL);
        server.exited().await;
    }

    /// Starts PostgreSQL again on the same data after [`OwnServer::kill`]. URLs stay the same.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn restart(&mut self) {
        // The one that runs must let go of the data first.
        if let Some(server) = self.server.take() {
            let stopped = server.stop().await;
            stopped.unwrap_or_else(|error| panic!("PostgreSQL did not stop: {error}"));
        }
        self.server = Some(launch(&self.options).await);
    }

    fn running(&self) -> &EmbeddedPostgres {
        let server = self.server.as_ref();
        server.unwrap_or_else(|| panic!("PostgreSQL is killed: call restart() first"))
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        super::poll::forget(&self.remembered);
    }
}

async fn launch(options: &Options) -> EmbeddedPostgres {
    let started = EmbeddedPostgres::start(options.clone()).await;
    started.unwrap_or_else(|error| panic!("PostgreSQL did not start: {error}"))
}
