//! The schema and who may do what with it.

use sqlx::{PgConnection, PgPool, migrate::Migrator};

use crate::StoreError;

/// Every migration, in order.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Keeps two processes from granting at once, which PostgreSQL answers with an error.
const GRANT_LOCK: i64 = 0x6e65_7861_6772_6e74;

/// Brings the schema up to date as its owner, then grants the server's role what it needs:
/// INSERT and SELECT on `events`, SELECT on `store_meta`, all four on every other table, also on
/// those of later migrations.
///
/// # Errors
/// Where the database refuses.
pub async fn migrate(owner: &PgPool, server_role: Option<&str>) -> Result<(), StoreError> {
    MIGRATOR.run(owner).await?;
    if let Some(role) = server_role {
        grant(owner, role).await?;
    }
    Ok(())
}

async fn grant(owner: &PgPool, role: &str) -> Result<(), StoreError> {
    let mut tx = owner.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(GRANT_LOCK).execute(&mut *tx).await?;
    let (role, schema): (String, String) =
        sqlx::query_as("SELECT quote_ident($1), quote_ident(current_schema())")
            .bind(role)
            .fetch_one(&mut *tx)
            .await?;
    for schema in [schema.as_str(), "read"] {
        sqlx::raw_sql(&format!(
            "GRANT USAGE ON SCHEMA {schema} TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
             GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
             ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
                 GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
             ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
                 GRANT USAGE, SELECT ON SEQUENCES TO {role};"
        ))
        .execute(&mut *tx)
        .await?;
    }
    sqlx::raw_sql(&format!(
        "REVOKE ALL ON events, store_meta, _sqlx_migrations FROM {role};
         GRANT SELECT ON events, store_meta, _sqlx_migrations TO {role};
         -- Position, generation, transaction and time are the database's to give.
         GRANT INSERT (aggregate_type, aggregate_id, sequence, event_type, event_version,
                       payload, metadata) ON events TO {role};
         GRANT EXECUTE ON FUNCTION keep_telemetry_partitions(date, integer, integer) TO {role};"
    ))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Whether the connected role could change or remove events, which the server should not.
pub(crate) async fn could_alter_events(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
             OR pg_has_role(c.relowner, 'MEMBER')
         FROM pg_class c WHERE c.oid = 'events'::regclass",
    )
    .fetch_one(conn)
    .await
}
