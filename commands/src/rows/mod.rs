//! Rows that are written in the transaction of the events they belong to.

mod account;
mod device;
mod device_keys;
mod drain;
mod due;
mod gateway;
mod happened;
mod session;
mod webhook;

pub use account::{NothingBegan, PutAccount, RemoveAccount, SetPassword, UpdateAccount};
pub use device::{HandOver, IndexDevice, MoveDevice, UnindexDevice};
pub use device_keys::{DropPrivateKey, KeepPresharedKey, KeepPrivateKey};
pub use drain::{BeginDrain, EndDrain, StillDrained};
pub use due::Due;
pub use gateway::{JOIN_TOKEN_REFUSED, PutJoinToken, RemoveGateway, UseJoinToken, in_use};
pub use happened::{Happened, KEY_IN_USE};
pub use session::{BindSession, CloseSession, OpenSession, Proof};
pub use webhook::{BeginDeliveries, KeepWebhookSecret, RemoveWebhook, SetDeliveries};

use nexavpn_domain::DomainError;
use nexavpn_store::SideRowError;
use sqlx::postgres::PgQueryResult;

/// Refuses where not exactly one row was written: the state is not what the command was decided on.
fn one(result: &PgQueryResult, entity: &'static str) -> Result<(), SideRowError> {
    if result.rows_affected() == 1 { Ok(()) } else { Err(not_there(entity)) }
}

fn not_there(entity: &'static str) -> SideRowError {
    SideRowError::Refused(DomainError::not_found(entity))
}
