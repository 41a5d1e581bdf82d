//! What became of each bundle that was published to a gateway.

use chrono::{DateTime, Utc};
use nexavpn_domain::ids::GatewayId;
use sqlx::FromRow;

use super::{ReportError, Reports};

/// A bundle that was published, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PublishedBundle {
    /// Its epoch.
    pub epoch: i64,
    /// Its revision.
    pub revision: i64,
    /// SHA-256 of its payload in hexadecimal.
    pub sha256: String,
    /// When the gateway could first fetch it.
    pub published_at: DateTime<Utc>,
    /// When the gateway first said that it is in force.
    pub applied_at: Option<DateTime<Utc>>,
    /// When the gateway last said that it refused it, or could not apply it.
    pub rejected_at: Option<DateTime<Utc>>,
    /// The reason's stable code.
    pub rejected_code: Option<String>,
    /// The reason, for people.
    pub rejected_reason: Option<String>,
}

/// The newest first, from below a place on; one revision only where that is given.
const BUNDLES: &str = "
    WITH page AS MATERIALIZED (
        SELECT epoch, revision, sha256, published_at FROM bundle_publication
        WHERE gateway_id = $1 AND ($2::bigint IS NULL OR (epoch, revision) < ($2, $3))
          AND ($4::bigint IS NULL OR revision = $4)
        ORDER BY epoch DESC, revision DESC LIMIT $5
    ), rejected AS MATERIALIZED (
        SELECT DISTINCT ON (a.epoch, a.revision)
               a.epoch, a.revision, a.rejected_at, a.rejected_code, a.rejected_reason
        FROM bundle_application a JOIN page USING (epoch, revision)
        WHERE a.gateway_id = $1 AND a.rejected_at IS NOT NULL
        ORDER BY a.epoch, a.revision, a.id DESC
    )
    SELECT p.epoch, p.revision, p.sha256, p.published_at, applied.at AS applied_at,
           r.rejected_at, r.rejected_code, r.rejected_reason
    FROM page p
    LEFT JOIN LATERAL (
        SELECT min(a.applied_at) AS at FROM bundle_application a
        WHERE a.gateway_id = $1 AND a.applied_at IS NOT NULL
          AND (a.epoch, a.revision, a.sha256) = (p.epoch, p.revision, p.sha256)
    ) applied ON true
    LEFT JOIN rejected r USING (epoch, revision)
    ORDER BY p.epoch DESC, p.revision DESC";

impl Reports {
    /// The bundles that were published to a gateway, the newest first, from below this epoch and
    /// revision on.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bundles(
        &self,
        id: GatewayId,
        below: Option<(i64, i64)>,
        limit: u32,
    ) -> Result<Vec<PublishedBundle>, ReportError> {
        self.published(id, below, None, limit).await
    }

    /// The bundle of a revision, if it was published: of its newest epoch.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bundle(
        &self,
        id: GatewayId,
        revision: i64,
    ) -> Result<Option<PublishedBundle>, ReportError> {
        Ok(self.published(id, None, Some(revision), 1).await?.pop())
    }

    async fn published(
        &self,
        id: GatewayId,
        below: Option<(i64, i64)>,
        revision: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PublishedBundle>, ReportError> {
        Ok(sqlx::query_as(BUNDLES)
            .bind(id.0)
            .bind(below.map(|(epoch, _)| epoch))
            .bind(below.map(|(_, revision)| revision))
            .bind(revision)
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?)
    }
}
