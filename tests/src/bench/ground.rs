//! What all contenders stand on: one cluster, a database for each.

use std::{
    fmt,
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use nexavpn_api::postgres::{OWNER_ROLE, SERVER_ROLE};
use serde::Serialize;
use sqlx::{
    Connection as _, Executor as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::Outcome;
use crate::harness::OwnServer;

/// No checkpoint of PostgreSQL's falls into one contender's time and not into another's.
const SETTINGS: [(&str, &str); 2] = [("max_wal_size", "16GB"), ("checkpoint_timeout", "1h")];
const SYNCS: usize = 100;

/// A durable cluster of our own on a real disk.
pub(super) struct Ground {
    pub(super) server: OwnServer,
    pub(super) machine: Machine,
}

impl Ground {
    pub(super) async fn lay() -> Outcome<Self> {
        let server = OwnServer::start_with(true, &SETTINGS).await;
        let machine = Machine::look(&server).await?;
        Ok(Self { server, machine })
    }

    /// A migrated database, with the server's role to work in it.
    pub(super) async fn database(&self, name: &str) -> Outcome<PgConnectOptions> {
        let mut superuser = PgConnection::connect(&self.server.superuser_url("postgres")).await?;
        let create = format!("CREATE DATABASE {name} OWNER {OWNER_ROLE}");
        superuser.execute(&*create).await?;
        superuser.close().await?;
        let owner: PgConnectOptions = self.server.owner_url().parse()?;
        let owner = PgPoolOptions::new().max_connections(1).connect_with(owner.database(name));
        let owner = owner.await?;
        nexavpn_store::migrate(&owner, Some(SERVER_ROLE)).await?;
        owner.close().await;
        let server: PgConnectOptions = self.server.server_url().parse()?;
        Ok(server.database(name))
    }

    /// Collects statistics, as PostgreSQL does by itself within a minute of a change.
    pub(super) async fn analyze(&self, database: &str) -> Outcome<()> {
        let mut superuser = PgConnection::connect(&self.server.superuser_url(database)).await?;
        superuser.execute("ANALYZE").await?;
        Ok(superuser.close().await?)
    }

    /// A database's address, as the server is given it.
    pub(super) fn url(&self, database: &str) -> String {
        self.server.server_url_of(database)
    }
}

/// Figures mean nothing without it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    processor: String,
    processors: usize,
    /// Its version, where it takes part.
    postgres: Option<String>,
    /// The median time to write 8 kB and make it durable, where the data is.
    sync_ms: f64,
    #[serde(skip)]
    pub(super) bin_dir: String,
}

impl Machine {
    async fn look(server: &OwnServer) -> Outcome<Self> {
        let mut superuser = PgConnection::connect(&server.superuser_url("postgres")).await?;
        let (postgres, fsync, bin_dir): (String, String, String) = sqlx::query_as(
            "SELECT current_setting('server_version'), current_setting('fsync'),
                    (SELECT setting FROM pg_config WHERE name = 'BINDIR')",
        )
        .fetch_one(&mut superuser)
        .await?;
        superuser.close().await?;
        if fsync != "on" {
            return Err("PostgreSQL runs without fsync: that would measure nothing".into());
        }
        let machine = Self::without_database(server.scratch_dir())?;
        Ok(Self { postgres: Some(postgres), bin_dir, ..machine })
    }

    /// Without PostgreSQL, and with what is kept in `dir`.
    pub(super) fn without_database(dir: &Path) -> Outcome<Self> {
        let mut cpu = String::new();
        File::open("/proc/cpuinfo")?.read_to_string(&mut cpu)?;
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("unknown", |m| m.trim_start_matches([' ', '\t', ':']));
        Ok(Self {
            processor: model.to_owned(),
            processors: std::thread::available_parallelism()?.get(),
            postgres: None,
            sync_ms: time_to_sync(dir)?.as_secs_f64() * 1e3,
            bin_dir: String::new(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, processors, postgres, sync_ms, .. } = self;
        write!(f, "{processors} × {processor}, ")?;
        if let Some(postgres) = postgres {
            write!(f, "PostgreSQL {postgres}, ")?;
        }
        write!(f, "fsync on: {sync_ms:.2} ms a write")
    }
}

fn time_to_sync(dir: &Path) -> Outcome<Duration> {
    let mut file = tempfile::tempfile_in(dir)?;
    let block = [0x55; 8192];
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.rewind()?;
        let begun = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(SYNCS / 2).copied().unwrap_or_default())
}
