//! Why a server did not start, worded for whoever started it.

use std::{net::SocketAddr, path::PathBuf};

use nexavpn_commands::CommandError;
use nexavpn_gateway_projector::SigningError;
use nexavpn_store::{KeyError, ProofError, StoreError};

use super::tls::TlsError;
use crate::{auth::JwtError, dialects::wg_easy::WgEasyError, postgres};

/// Why a server did not start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Plain HTTP for everybody.
    #[error(
        "{address} is reached by other machines, and without TLS passwords and tokens would cross \
         the network readable.\n\
         Give a certificate with --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy \
         that speaks TLS, or, where the network itself is trusted, say --insecure-http"
    )]
    Insecure {
        /// Where it was told to listen.
        address: SocketAddr,
    },
    /// The transparency log's key cannot be made or read.
    #[error("the transparency log: {0}")]
    Proof(#[from] ProofError),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}. Choose another address with --listen")]
    Listen {
        /// Where it was told to listen.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The data directory cannot be made.
    #[error(
        "cannot make the directory {path}: {source}. Choose another one with --data-dir, or make \
         it as root and give it to this user"
    )]
    DataDir {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A URL is not one.
    #[error("{name} is not a URL such as postgres://user:password@host/database")]
    MalformedUrl {
        /// Which.
        name: &'static str,
    },
    /// The given database does not answer.
    #[error("cannot reach the {place}: {source}. Check DATABASE_URL and that PostgreSQL runs")]
    Unreachable {
        /// Where it should be.
        place: String,
        /// Why.
        source: sqlx::Error,
    },
    /// PostgreSQL is too old.
    #[error("this is PostgreSQL {version}, and NexaVPN needs 15 or newer")]
    TooOld {
        /// Its major version.
        version: i32,
    },
    /// The schema belongs to a newer NexaVPN.
    #[error(
        "the database was migrated by a newer NexaVPN (migration {version} is unknown here): \
         start that version or a newer one"
    )]
    Newer {
        /// The first unknown migration.
        version: i64,
    },
    /// The role may not migrate.
    #[error(
        "the role {role} may not change the schema ({error}).\n\
         Set NEXAVPN_MIGRATE_URL to the same database as the role that owns it"
    )]
    MayNotMigrate {
        /// Which role.
        role: String,
        /// What it may not.
        error: StoreError,
    },
    /// The embedded PostgreSQL failed.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// The thread that keeps the embedded PostgreSQL running cannot be made.
    #[error("cannot start a thread for PostgreSQL: {source}")]
    Supervisor {
        /// Why.
        source: std::io::Error,
    },
    /// The key file of an existing database is gone.
    #[error(
        "the master key file {path} is missing, and the database holds data that only this key \
         opens: put the file back, or name it with --master-key-file"
    )]
    MasterKeyMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Keys do not fit.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The event store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Bundles cannot be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// Access tokens cannot be signed.
    #[error(transparent)]
    Tokens(#[from] JwtError),
    /// The wg-easy dialect cannot be switched on.
    #[error(transparent)]
    WgEasy(#[from] WgEasyError),
    /// The listener failed.
    #[error("answering HTTP failed: {0}")]
    Http(#[source] std::io::Error),
}
