//! What a new cluster needs before NexaVPN can use it: the two roles and the database.

use sqlx::{Connection, PgConnection};

use super::{DATABASE, OWNER_ROLE, SERVER_ROLE};

/// Makes roles and database where they are missing.
///
/// The owner migrates; the server only reads, and writes what the owner grants it. Both may see
/// which transaction of the cluster is the oldest, since that one delays all readers.
pub(super) async fn run(superuser_url: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(superuser_url).await?;
    let existing: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM pg_roles WHERE rolname IN ($1, $2)) \
              + (SELECT count(*) FROM pg_database WHERE datname = $3)",
    )
    .bind(OWNER_ROLE)
    .bind(SERVER_ROLE)
    .bind(DATABASE)
    .fetch_one(&mut connection)
    .await?;
    if existing < 3 {
        for role in [OWNER_ROLE, SERVER_ROLE] {
            make_role(&mut connection, role).await?;
        }
        make_database(&mut connection).await?;
    }
    connection.close().await
}

async fn make_role(connection: &mut PgConnection, role: &str) -> sqlx::Result<()> {
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)")
            .bind(role)
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        execute(connection, &format!("CREATE ROLE {role} LOGIN")).await?;
    }
    execute(connection, &format!("GRANT pg_read_all_stats TO {role}")).await
}

async fn make_database(connection: &mut PgConnection) -> sqlx::Result<()> {
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(DATABASE)
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        execute(connection, &format!("CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}")).await?;
    }
    execute(connection, &format!("REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC")).await?;
    execute(connection, &format!("GRANT CONNECT ON DATABASE {DATABASE} TO {SERVER_ROLE}")).await
}

/// Runs a statement made of our own constants; names cannot be bound as parameters.
async fn execute(connection: &mut PgConnection, statement: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(statement).execute(connection).await?;
    Ok(())
}
