//! Why the embedded PostgreSQL could not be started or stopped.

use std::path::PathBuf;

/// A failure of the embedded PostgreSQL, worded for whoever runs the server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No PostgreSQL is installed where we look for one.
    #[error(
        "no PostgreSQL server was found (looked at NEXAVPN_PG_BIN, /usr/lib/postgresql/*/bin, {looked_beside} and PATH).\n\
         Install it with:\n    {install}\n\
         or point NEXAVPN_PG_BIN at a directory with `postgres` and `initdb`, \
         or set DATABASE_URL to use a server of your own",
        install = super::INSTALL_LINE
    )]
    NotInstalled {
        /// The directory beside the data that was looked at too.
        looked_beside: String,
    },

    /// The data was written by another major version than those installed.
    #[error(
        "the data in {data_dir} belongs to PostgreSQL {wanted}, but only {found} is installed: \
         install PostgreSQL {wanted} beside it, or move the data with pg_upgrade"
    )]
    VersionMismatch {
        /// The cluster's directory.
        data_dir: PathBuf,
        /// Major version of the data.
        wanted: u32,
        /// Major versions that were found.
        found: String,
    },

    /// A directory could not be prepared.
    #[error("cannot prepare {path}: {source}")]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A directory that must be ours alone is not.
    #[error(
        "{path} must belong to this user alone (mode 0700, no symbolic link); remove it and start again"
    )]
    NotPrivate {
        /// The offending directory.
        path: PathBuf,
    },

    /// A program could not be executed at all.
    #[error("cannot run {program}: {source}")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// `initdb` refused.
    #[error("initdb failed: {output}")]
    InitDb {
        /// What it printed.
        output: String,
    },

    /// `postgres` ended while it was starting.
    #[error("PostgreSQL did not start ({status}); the end of {log}:\n{tail}")]
    Exited {
        /// Exit status.
        status: String,
        /// The server's log file.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },

    /// The server neither became ready nor ended.
    #[error("PostgreSQL in {data_dir} was not ready after {seconds} seconds; see {log}")]
    NotReady {
        /// The cluster's directory.
        data_dir: PathBuf,
        /// How long we waited.
        seconds: u64,
        /// The server's log file.
        log: PathBuf,
    },

    /// Roles or the database could not be made.
    #[error("cannot prepare the database's roles: {0}")]
    Bootstrap(#[from] sqlx::Error),

    /// The server ignored every request to stop.
    #[error("PostgreSQL (process {pid}) did not stop")]
    NotStopped {
        /// Its process id.
        pid: i32,
    },
}

/// Shorthand of this module.
pub type Result<T> = std::result::Result<T, Error>;
