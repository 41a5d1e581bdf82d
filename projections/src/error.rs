//! Why a query was not answered.

use nexavpn_domain::DomainError;
use nexavpn_store::StoreError;

/// A failed query.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The request is wrong: an unknown sort, filter or cursor.
    #[error(transparent)]
    Invalid(#[from] DomainError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
