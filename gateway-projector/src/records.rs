//! What publishing asks the database, in one statement for all bundles that are made at once: a
//! change may concern every gateway.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use nexavpn_bundle::SignedBundle;
use nexavpn_domain::ids::GatewayId;
use nexavpn_store::Together;
use sqlx::PgPool;
use uuid::Uuid;

/// One publication.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Publication {
    gateway: GatewayId,
    epoch: i64,
    revision: i64,
    sha256: String,
    at: DateTime<Utc>,
}

/// The records about gateways that a publication needs.
pub(crate) struct Records {
    pool: PgPool,
    lost: Together<GatewayId, i64, sqlx::Error>,
    publications: Together<Publication, String, sqlx::Error>,
}

impl Records {
    pub(crate) fn new(pool: &PgPool) -> Self {
        let (lost, publications) = (pool.clone(), pool.clone());
        Self {
            pool: pool.clone(),
            lost: Together::new(move |ids| lost_epochs(lost.clone(), ids)),
            publications: Together::new(move |all| insert(publications.clone(), all)),
        }
    }

    /// Whether a gateway has reported what is not in our history.
    pub(crate) async fn history_lost(
        &self,
        id: GatewayId,
        epoch: i64,
    ) -> Result<bool, sqlx::Error> {
        Ok(self.lost.get(id).await?.is_some_and(|lost| epoch <= lost))
    }

    /// Puts a publication on record, durably, unless there is one; answers the hash on record.
    pub(crate) async fn publish(
        &self,
        id: GatewayId,
        signed: &SignedBundle,
        now: DateTime<Utc>,
    ) -> Result<String, sqlx::Error> {
        let SignedBundle { epoch, revision, sha256, .. } = signed;
        let publication = Publication {
            gateway: id,
            epoch: *epoch,
            revision: *revision,
            sha256: sha256.clone(),
            at: now,
        };
        if let Some(recorded) = self.publications.get(publication).await? {
            return Ok(recorded);
        }
        // Another process was first by so little that the statement did not see it.
        sqlx::query_scalar(
            "SELECT sha256 FROM bundle_publication
             WHERE gateway_id = $1 AND epoch = $2 AND revision = $3",
        )
        .bind(id.0)
        .bind(epoch)
        .bind(revision)
        .fetch_one(&self.pool)
        .await
    }
}

async fn lost_epochs(
    pool: PgPool,
    ids: Vec<GatewayId>,
) -> Result<HashMap<GatewayId, i64>, sqlx::Error> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(
        "SELECT gateway_id, lost_epoch FROM gateway_status
         WHERE gateway_id = ANY ($1) AND lost_epoch IS NOT NULL",
    )
    .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|(id, lost)| (GatewayId(id), lost)).collect())
}

async fn insert(
    pool: PgPool,
    all: Vec<Publication>,
) -> Result<HashMap<Publication, String>, sqlx::Error> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "WITH durable AS MATERIALIZED (
             SELECT set_config('synchronous_commit', 'on', true)
         ), asked AS MATERIALIZED (
             SELECT a.* FROM durable, unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[],
                                             $5::timestamptz[])
                  WITH ORDINALITY AS a (gateway_id, epoch, revision, sha256, published_at, nth)
         ), inserted AS (
             INSERT INTO bundle_publication (gateway_id, epoch, revision, sha256, published_at)
             SELECT gateway_id, epoch, revision, sha256, published_at FROM asked
             -- In one order everywhere, or two processes could wait for each other.
             ORDER BY gateway_id, epoch, revision
             ON CONFLICT ON CONSTRAINT bundle_publication_pkey DO NOTHING
             RETURNING gateway_id, epoch, revision, sha256
         )
         SELECT a.nth - 1, coalesce(i.sha256, p.sha256)
         FROM asked a
         LEFT JOIN inserted i USING (gateway_id, epoch, revision)
         LEFT JOIN bundle_publication p USING (gateway_id, epoch, revision)
         WHERE coalesce(i.sha256, p.sha256) IS NOT NULL",
    )
    .bind(all.iter().map(|p| p.gateway.0).collect::<Vec<_>>())
    .bind(all.iter().map(|p| p.epoch).collect::<Vec<_>>())
    .bind(all.iter().map(|p| p.revision).collect::<Vec<_>>())
    .bind(all.iter().map(|p| p.sha256.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|p| p.at).collect::<Vec<_>>())
    .fetch_all(&pool)
    .await?;
    let recorded =
        |(nth, sha256): (i64, String)| Some((all.get(usize::try_from(nth).ok()?)?.clone(), sha256));
    Ok(rows.into_iter().filter_map(recorded).collect())
}
