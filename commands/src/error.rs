//! Why a command did not happen.

use nexavpn_domain::DomainError;
use nexavpn_store::{AppendError, SlotError, StoreError};

/// Why a command did not happen. Nothing of it is stored in any case.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The domain refused it.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// `If-Match` named another version.
    #[error("the {entity} was changed by somebody else in the meantime: load it again")]
    PreconditionFailed {
        /// `user`, `device`, …
        entity: &'static str,
    },
    /// Whoever asks is not known, or not any more.
    #[error("{message}")]
    Unauthenticated {
        /// Stable: `invalid_credentials`, `invalid_token`, …
        code: &'static str,
        /// For people.
        message: &'static str,
    },
    /// Too many failures; try later.
    #[error("too many attempts: try again in {retry_after} seconds")]
    Throttled {
        /// Seconds.
        retry_after: u64,
    },
    /// Too many conflicting changes at once.
    #[error("the {entity} is being changed by many at once: try again")]
    Busy {
        /// `user`, `device`, …
        entity: &'static str,
    },
    /// The store takes no writes until the restore is accepted.
    #[error("this database was restored or copied: run `nexavpn restore accept` to write again")]
    NotAccepted,
    /// The database cannot be reached or failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The store failed.
    #[error("the event store failed: {0}")]
    Store(#[source] StoreError),
    /// More passwords wait to be checked than can be in any useful time.
    #[error("too many sign-ins at once: try again")]
    Overloaded,
    /// Hashing a password failed.
    #[error("hashing failed")]
    Hashing,
}

impl From<StoreError> for CommandError {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}

impl From<SlotError> for CommandError {
    fn from(e: SlotError) -> Self {
        match e {
            SlotError::Exhausted => Self::Domain(DomainError::conflict(
                "pool_exhausted",
                "the gateway's address pool has no free address: revoke devices or use another \
                 gateway",
            )),
            SlotError::Taken => Self::Domain(DomainError::conflict_on(
                "assigned_ip",
                "address_taken",
                "this address is in use or rests after a revocation: choose another one",
            )),
            SlotError::OutOfPool => Self::Domain(DomainError::field(
                "assigned_ip",
                "is not an address of the gateway's pool that a device may have",
            )),
            SlotError::Database(e) => Self::Database(e),
        }
    }
}

/// What an append's failure means for the command; `None` where it is worth another try.
pub(crate) fn append_failed(e: AppendError) -> Option<CommandError> {
    match e {
        AppendError::Sequence | AppendError::ReservationLost => None,
        AppendError::Conflict(e) | AppendError::Refused(e) => Some(CommandError::Domain(e)),
        AppendError::NotAccepted(_) => Some(CommandError::NotAccepted),
        AppendError::Store(e) => Some(CommandError::Store(e)),
    }
}
