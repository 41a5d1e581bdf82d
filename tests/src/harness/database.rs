//! A database for one test.

use std::time::Duration;

use nexavpn_api::postgres::{OWNER_ROLE, SERVER_ROLE};
use sha2::{Digest, Sha256};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, Executor, PgConnection, PgPool};

use super::SharedServer;

/// Serialises the making of templates across processes.
const TEMPLATE_LOCK: i64 = 0x6e65_7861_7470_6c00;
/// What is granted decides about a template's content as much as the migrations do.
const GRANTS: &str = include_str!("../../../commands/store/src/migrate.rs");

/// A migrated database of its own for one test, dropped with this value.
#[derive(Debug)]
pub struct TestDb {
    /// Connections as the server's role.
    pub pool: PgPool,
    /// Connections as the owner's role.
    pub owner_pool: PgPool,
    /// URL for the server's role.
    pub server_url: String,
    /// URL for the owner's role.
    pub owner_url: String,
    /// The database's name.
    pub name: String,
}

impl TestDb {
    /// Copies the template, which is built first where this is the first test of the run.
    ///
    /// # Panics
    /// Where there is no PostgreSQL, or the migrations fail.
    pub async fn new() -> Self {
        let server = SharedServer::get();
        let name = format!("t_{:016x}", rand::random::<u64>());
        let template = make(server, &name).await.unwrap_or_else(|error| {
            panic!("cannot make a database for the test: {error}");
        });
        tracing::debug!(name, template, "made a database for the test");
        let server_url = server.url(SERVER_ROLE, &name);
        let owner_url = server.url(OWNER_ROLE, &name);
        Self { pool: pool(&server_url), owner_pool: pool(&owner_url), server_url, owner_url, name }
    }

    /// Connects as the cluster's superuser, for what neither role may do.
    ///
    /// # Panics
    /// Where the connection fails.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&SharedServer::get().url("postgres", &self.name))
            .await
            .unwrap_or_else(|error| panic!("cannot connect as superuser: {error}"))
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let url = SharedServer::get().url("postgres", "postgres");
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // On a thread of its own, since a runtime cannot be entered from within another.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection =
                    PgConnection::connect(&url).await.map_err(std::io::Error::other)?;
                connection.execute(&*statement).await.map_err(std::io::Error::other)
            })
        });
        // What is left behind goes with the server at the end of the run.
        if let Ok(Err(error)) = dropping.join() {
            eprintln!("the test's database {} stays until the end: {error}", self.name);
        }
    }
}

/// A pool that connects when it is first used.
pub(super) fn pool(url: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(30))
        .connect_lazy(url)
        .unwrap_or_else(|error| panic!("{url} is not a connection URL: {error}"))
}

/// Makes the database and answers the template's name.
async fn make(server: &SharedServer, name: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut connection = PgConnection::connect(&server.url("postgres", "postgres")).await?;
    let template = template_name();
    if !is_complete(&mut connection, &template).await? {
        build_template(server, &mut connection, &template).await?;
    }
    let copy =
        format!("CREATE DATABASE {name} OWNER {OWNER_ROLE} TEMPLATE {template} STRATEGY file_copy");
    connection.execute(&*copy).await?;
    connection.close().await?;
    Ok(template)
}

/// Named after what it is made of, so that a run after a change never meets an old one.
fn template_name() -> String {
    let mut hash = Sha256::new();
    for migration in nexavpn_store::MIGRATOR.iter() {
        hash.update(&*migration.checksum);
    }
    hash.update(GRANTS);
    let digest = hash.finalize();
    let hex: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("nexavpn_template_{hex}")
}

/// A template is closed to connections when it is finished, and only then.
async fn is_complete(connection: &mut PgConnection, template: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1 AND NOT datallowconn)",
    )
    .bind(template)
    .fetch_one(connection)
    .await
}

async fn build_template(
    server: &SharedServer,
    connection: &mut PgConnection,
    template: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *connection)
        .await?;
    // Another process may have built it while we waited.
    if !is_complete(connection, template).await? {
        let remove = format!("DROP DATABASE IF EXISTS {template} WITH (FORCE)");
        connection.execute(&*remove).await?;
        let create = format!("CREATE DATABASE {template} OWNER {OWNER_ROLE}");
        connection.execute(&*create).await?;
        let owner = pool(&server.url(OWNER_ROLE, template));
        nexavpn_store::migrate(&owner, Some(SERVER_ROLE)).await?;
        owner.close().await;
        let close =
            format!("ALTER DATABASE {template} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false");
        connection.execute(&*close).await?;
    }
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *connection)
        .await?;
    Ok(())
}
