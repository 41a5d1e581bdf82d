//! Reading people's wrapped data keys.

use async_trait::async_trait;
use nexavpn_domain::ids::UserId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::gather::{Found, Read};

/// The table of data keys.
pub(super) struct WrappedKeys(pub(super) PgPool);

#[async_trait]
impl Read for WrappedKeys {
    type Key = UserId;
    type Value = Vec<u8>;

    async fn read(&self, users: &[UserId]) -> Result<Found<Self>, sqlx::Error> {
        let ids: Vec<Uuid> = users.iter().map(|u| u.0).collect();
        let rows: Vec<(Uuid, Vec<u8>)> =
            sqlx::query_as("SELECT user_id, wrapped FROM data_key WHERE user_id = ANY($1)")
                .bind(ids)
                .fetch_all(&self.0)
                .await?;
        Ok(rows.into_iter().map(|(id, wrapped)| (UserId(id), wrapped)).collect())
    }
}
