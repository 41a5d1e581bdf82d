//! The database that a process works with: one of its operator's, or the embedded one.

use std::{collections::BTreeSet, path::Path, time::Duration};

use nexavpn_commands::{Clock, Commands, PasswordHasher, Random, Settings};
use nexavpn_store::{Keyring, MIGRATOR, MasterKey, Store, StoreError};
use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{DatabaseOptions, ServeError, ServeOptions};
use crate::{
    config::DatabaseUrl,
    postgres::{self, DATABASE, EmbeddedPostgres, SERVER_ROLE},
};

/// PostgreSQL's code for a missing right.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// How long a database may take to answer at all.
const CONNECT_BOUND: Duration = Duration::from_secs(10);

/// A database that can be reached.
pub struct Database {
    /// Where it is, for people.
    pub place: String,
    server: PgConnectOptions,
    owner: PgConnectOptions,
    server_role: Option<String>,
    max_connections: u32,
    pub(super) embedded: Option<EmbeddedPostgres>,
}

/// How the embedded PostgreSQL of a data directory is started.
pub(super) fn embedded_options(options: &DatabaseOptions) -> postgres::Options {
    postgres::Options::new(options.data_dir.join("postgres"))
}

impl Database {
    /// Reaches the given database, or starts the embedded one (or uses the one that runs).
    ///
    /// # Errors
    /// Where there is none to be reached, with what to do about it.
    pub async fn open(options: &DatabaseOptions) -> Result<Self, ServeError> {
        match &options.database_url {
            Some(url) => Self::given(url, options).await,
            None => Self::embedded(options).await,
        }
    }

    async fn given(url: &DatabaseUrl, options: &DatabaseOptions) -> Result<Self, ServeError> {
        let server = parse("DATABASE_URL", url)?;
        let owner = match &options.migrate_url {
            Some(url) => parse("NEXAVPN_MIGRATE_URL", url)?,
            None => server.clone(),
        };
        let differ = owner.get_username() != server.get_username();
        let server_role = differ.then(|| server.get_username().to_owned());
        let name = server.get_database().unwrap_or_else(|| server.get_username());
        let place = format!("database {name} on {}", host(&server));
        let max_connections = options.max_connections;
        let database = Self { place, server, owner, server_role, max_connections, embedded: None };
        database.answers().await?;
        Ok(database)
    }

    async fn embedded(options: &DatabaseOptions) -> Result<Self, ServeError> {
        make_data_dir(&options.data_dir)?;
        let server = EmbeddedPostgres::start(embedded_options(options)).await?;
        let parse = |url: String| parse("the embedded database", &DatabaseUrl::new(url));
        Ok(Self {
            place: options.data_dir.display().to_string(),
            server: parse(server.server_url(DATABASE))?,
            owner: parse(server.owner_url(DATABASE))?,
            server_role: Some(SERVER_ROLE.to_owned()),
            max_connections: options.max_connections,
            embedded: Some(server),
        })
    }

    /// A connection of its own and at once: a pool would try for half a minute in silence.
    async fn answers(&self) -> Result<(), ServeError> {
        let asked = tokio::time::timeout(CONNECT_BOUND, version(&self.server)).await;
        let asked = asked.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        let place = self.place.clone();
        let version = asked.map_err(|source| ServeError::Unreachable { place, source })?;
        if version < 150_000 {
            return Err(ServeError::TooOld { version: version / 10_000 });
        }
        Ok(())
    }

    /// Connections as the server's role.
    #[must_use]
    pub fn pool(&self) -> PgPool {
        nexavpn_store::pool(self.server.clone(), self.max_connections)
    }

    /// A few connections as the owner.
    #[must_use]
    pub fn owner_pool(&self) -> PgPool {
        self.small_pool(&self.owner)
    }

    fn small_pool(&self, options: &PgConnectOptions) -> PgPool {
        let options = options.clone().application_name("nexavpn admin");
        PgPoolOptions::new().max_connections(4).connect_lazy_with(options)
    }

    /// Whether owner and server are two roles.
    #[must_use]
    pub fn has_two_roles(&self) -> bool {
        self.server_role.is_some()
    }

    /// Whether it is the embedded one.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Whether another process is responsible for the embedded one: a running server.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.embedded.as_ref().is_some_and(|postgres| !postgres.is_responsible())
    }

    /// The migrations that are to be done, by version.
    ///
    /// # Errors
    /// Where the database fails, or a newer NexaVPN has been at work in it.
    pub async fn pending(&self) -> Result<Vec<i64>, ServeError> {
        let pool = self.owner_pool();
        let done = applied(&pool).await;
        pool.close().await;
        let done = done.map_err(StoreError::from)?;
        let known: BTreeSet<i64> = MIGRATOR.iter().map(|m| m.version).collect();
        if let Some(newer) = done.iter().find(|version| !known.contains(version)) {
            return Err(ServeError::Newer { version: *newer });
        }
        Ok(known.difference(&done).copied().collect())
    }

    /// Brings the schema up to date and grants the server's role what it needs.
    ///
    /// # Errors
    /// Where the owner's role may not, or a migration fails.
    pub async fn migrate(&self) -> Result<(), ServeError> {
        // A role that may not create anything is enough where nothing is to be created.
        if self.pending().await?.is_empty() && self.server_role.is_none() {
            return Ok(());
        }
        let owner = self.owner_pool();
        let migrated = nexavpn_store::migrate(&owner, self.server_role.as_deref()).await;
        owner.close().await;
        migrated.map_err(|error| {
            if lacks_privilege(&error) {
                ServeError::MayNotMigrate { role: self.owner.get_username().to_owned(), error }
            } else {
                ServeError::Store(error)
            }
        })
    }

    /// Migrates where something is to be done.
    ///
    /// # Errors
    /// As [`migrate`](Self::migrate).
    pub async fn ensure_migrated(&self) -> Result<(), ServeError> {
        if self.pending().await?.is_empty() { Ok(()) } else { self.migrate().await }
    }

    /// Shuts the embedded PostgreSQL down, where we started it.
    ///
    /// # Errors
    /// Where it does not stop.
    pub async fn close(self) -> Result<(), ServeError> {
        match self.embedded {
            Some(embedded) => Ok(embedded.stop().await?),
            None => Ok(()),
        }
    }
}

async fn version(options: &PgConnectOptions) -> Result<i32, sqlx::Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    let version = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(version)
}

fn parse(name: &'static str, url: &DatabaseUrl) -> Result<PgConnectOptions, ServeError> {
    // The reason may repeat parts of the URL, and one part is a password.
    url.expose().parse().map_err(|_| ServeError::MalformedUrl { name })
}

fn host(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

async fn applied(pool: &PgPool) -> Result<BTreeSet<i64>, sqlx::Error> {
    let any: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if !any {
        return Ok(BTreeSet::new());
    }
    let versions: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
            .fetch_all(pool)
            .await?;
    Ok(versions.into_iter().collect())
}

fn lacks_privilege(error: &StoreError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let code = error.downcast_ref::<sqlx::Error>().and_then(|e| e.as_database_error()?.code());
        if code.as_deref() == Some(INSUFFICIENT_PRIVILEGE) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Makes the data directory. What is in it guards itself, and the embedded PostgreSQL may have to
/// run as another user that passes through.
fn make_data_dir(dir: &Path) -> Result<(), ServeError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o711).create(dir);
    made.map_err(|source| ServeError::DataDir { path: dir.to_path_buf(), source })
}

/// Opens the keyring with the master key's file, which is made for a new database only: with
/// another key than its own a database is as good as lost, and must not seem to work.
///
/// # Errors
/// Where the key is missing, unreadable or another one.
async fn open_keyring(pool: &PgPool, options: &DatabaseOptions) -> Result<Keyring, ServeError> {
    let path = options.master_key_file();
    if !path.exists() {
        let sealed: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM sealed_secret)")
            .fetch_one(pool)
            .await
            .map_err(StoreError::from)?;
        if sealed {
            return Err(ServeError::MasterKeyMissing { path });
        }
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            make_data_dir(folder)?;
        }
    }
    let key = MasterKey::read_or_create(&path)?;
    Ok(Keyring::open(pool.clone(), key).await?)
}

/// The write side over a database, without anything that runs.
///
/// # Errors
/// Where keys or database fail.
pub(crate) async fn open_commands(
    pool: &PgPool,
    options: &ServeOptions,
) -> Result<Commands, ServeError> {
    let keyring = open_keyring(pool, &options.database).await?;
    let store = Store::open(pool.clone(), keyring, options.store.clone()).await?;
    let (clock, random) = (options.clock.clone(), options.random.clone());
    Ok(commands(store, clock, random, options.argon2, options.settings.clone())?)
}

fn commands(
    store: Store,
    clock: std::sync::Arc<dyn Clock>,
    random: std::sync::Arc<dyn Random>,
    argon2: (u32, u32, u32),
    settings: Settings,
) -> Result<Commands, nexavpn_commands::CommandError> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let hasher = PasswordHasher::new(argon2, processors)?;
    let pool = store.pool().clone();
    Ok(Commands::new(store, pool, clock, random, hasher, settings))
}
