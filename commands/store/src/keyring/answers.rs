//! The key of kept answers, which may hold anybody's personal data.
//!
//! All of them share one key, and erasing a person destroys it: nobody can tell in which answers
//! that person was named. A request is answered with the key that it was begun with, so that what
//! was read before an erasure cannot be opened after it.

use async_trait::async_trait;
use sqlx::PgConnection;

use super::{Key, Keyring, WrappedKey, secret_context};
use crate::{KeyError, SideRow, SideRowError};

const ANSWERS: &str = "idempotency_answers";

impl Keyring {
    /// The present key of answers. Asked for with each request, never kept.
    ///
    /// # Errors
    /// Where the database fails or the key was wrapped by another master key.
    pub async fn answer_key(&self) -> Result<WrappedKey, KeyError> {
        self.wrapped_key(ANSWERS).await
    }
}

/// Replaces the key of answers: none that was kept until now can be opened any more.
pub struct ForgetAnswers {
    wrapped: Vec<u8>,
}

impl Keyring {
    /// What [`ForgetAnswers`] writes.
    ///
    /// # Errors
    /// Where the cryptographic library fails.
    pub fn forget_answers(&self) -> Result<ForgetAnswers, KeyError> {
        let fresh = Key::random()?;
        let wrapped = self.master().seal(&secret_context(ANSWERS), fresh.bytes())?;
        Ok(ForgetAnswers { wrapped })
    }
}

#[async_trait]
impl SideRow for ForgetAnswers {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        sqlx::query(
            "INSERT INTO sealed_secret (name, wrapped) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET wrapped = excluded.wrapped",
        )
        .bind(ANSWERS)
        .bind(&self.wrapped)
        .execute(conn)
        .await?;
        Ok(())
    }
}
