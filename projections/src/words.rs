//! Domain values as columns hold them.

use nexavpn_domain::{
    ids::{DeviceId, GatewayId, GroupId, PolicyId, SessionId, UserId, WebhookId},
    values::{PublicKey, Role},
};
use uuid::Uuid;

/// A `uuid` column, for the distinct types of ids.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Id(Uuid);

macro_rules! from_id {
    ($($id:ty),+) => {$(
        impl From<Id> for $id {
            fn from(id: Id) -> Self {
                Self(id.0)
            }
        }
    )+};
}
from_id!(UserId, GroupId, DeviceId, PolicyId, GatewayId, SessionId, WebhookId);

/// A `text` column, for value types.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Word(String);

/// A column that holds what its type does not allow.
#[derive(Debug, thiserror::Error)]
#[error("the stored value {0}")]
pub struct BadWord(String);

impl TryFrom<Word> for Role {
    type Error = BadWord;
    fn try_from(word: Word) -> Result<Self, BadWord> {
        Self::parse(&word.0).map_err(BadWord)
    }
}

impl TryFrom<Word> for PublicKey {
    type Error = BadWord;
    fn try_from(word: Word) -> Result<Self, BadWord> {
        Self::parse(&word.0).map_err(BadWord)
    }
}

/// For rows that are read column by column.
pub(crate) fn decode<T: TryFrom<Word, Error = BadWord>>(
    column: &str,
    word: Word,
) -> Result<T, sqlx::Error> {
    T::try_from(word)
        .map_err(|e| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(e) })
}
