//! What can go wrong in the event store.

use nexavpn_domain::DomainError;

/// A failure of the store itself.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed or cannot be reached.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored event cannot be read; without its payload, which may be personal.
    #[error("unreadable event: {0}")]
    Unreadable(String),
    /// An event cannot be written as JSON.
    #[error("an event cannot be encoded: {0}")]
    Encode(String),
    /// Keys are missing, damaged or of another master key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A failure with keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database was sealed with another master key.
    #[error(
        "the master key does not fit this database: start with the key file it was set up with"
    )]
    WrongMasterKey,
    /// The master key's file cannot be used.
    #[error("master key file {path}: {reason}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A sealed value was damaged or moved.
    #[error("the sealed value {0} cannot be opened")]
    Damaged(String),
    /// The cryptographic library failed, for example for want of randomness.
    #[error("the cryptographic library failed")]
    Crypto,
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

/// Why an append was not committed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else changed the stream, or what belongs to it: load and decide again.
    #[error("the stream has changed since it was loaded")]
    Sequence,
    /// A claim that somebody else holds, or the last admin.
    #[error(transparent)]
    Conflict(DomainError),
    /// The address reservation ran out and went to somebody else: reserve again.
    #[error("the address reservation was lost")]
    ReservationLost,
    /// A side row refused.
    #[error(transparent)]
    Refused(DomainError),
    /// The cluster was restored or copied and has not been accepted.
    #[error("no writes until `nexavpn restore accept`: {0}")]
    NotAccepted(String),
    /// The store failed; after a lost connection it is unknown whether the append was committed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for AppendError {
    fn from(e: sqlx::Error) -> Self {
        Self::Store(e.into())
    }
}

impl From<KeyError> for AppendError {
    fn from(e: KeyError) -> Self {
        Self::Store(e.into())
    }
}

/// Why a side row was not written.
#[derive(Debug, thiserror::Error)]
pub enum SideRowError {
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The row contradicts what is stored.
    #[error(transparent)]
    Refused(#[from] DomainError),
    /// What the command was decided on has changed in the meantime: load and decide again.
    #[error("the state has changed since it was loaded")]
    Stale,
}

/// Why no address was reserved.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// Every address is held, resting or reserved.
    #[error("the gateway's address pool is exhausted")]
    Exhausted,
    /// The wanted address is held, resting or reserved.
    #[error("the address is taken")]
    Taken,
    /// The wanted address is outside the pool or may not be given.
    #[error("the address cannot be given to a device")]
    OutOfPool,
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

/// Why waiting ended without the event.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The deadline came first.
    #[error("not sequenced in time")]
    Elapsed,
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}
