//! Whose credential a node shows, asked for each request.

use std::collections::HashMap;

use nexavpn_domain::ids::GatewayId;
use nexavpn_store::{Direct, Together};
use uuid::Uuid;

use crate::{CommandError, Commands, Secret};

/// Gateways by the hashes of their nodes' credentials.
pub(crate) type Credentials = Together<[u8; 32], GatewayId, sqlx::Error>;

/// Asked for each time, so that an end takes effect with the next request in every process. Many
/// nodes ask at once where a change concerns all of them.
pub(crate) fn credentials(db: Direct) -> Credentials {
    Together::new(move |hashes: Vec<[u8; 32]>| {
        let db = db.clone();
        async move {
            let rows: Vec<(Vec<u8>, Uuid)> = sqlx::query_as(
                "SELECT hash, gateway_id FROM gateway_credential WHERE hash = ANY ($1)",
            )
            .bind(hashes.iter().map(|hash| &hash[..]).collect::<Vec<_>>())
            .fetch_all(&db)
            .await?;
            let known = |(hash, id): (Vec<u8>, Uuid)| Some((hash.try_into().ok()?, GatewayId(id)));
            Ok(rows.into_iter().filter_map(known).collect::<HashMap<_, _>>())
        }
    })
}

impl Commands {
    /// The gateway that a credential belongs to.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn gateway_of_credential(
        &self,
        credential: &Secret,
    ) -> Result<Option<GatewayId>, CommandError> {
        Ok(self.credentials.get(credential.hash()).await?)
    }
}
