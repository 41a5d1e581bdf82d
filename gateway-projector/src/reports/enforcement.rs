//! From when until when gateways had in force what was decided: from the record of the bundles
//! that they applied.
//!
//! A bundle of revision r holds every decision up to event r, so the gateway enforces a decision
//! from the first bundle with at least its number that it applied. Only bundles that are on record
//! as published count: another one belongs to a history that is lost.

use chrono::{DateTime, Utc};
use nexavpn_domain::ids::GatewayId;
use sqlx::FromRow;

use super::{ReportError, Reports};

/// Which decision of a gateway's device is asked about, and as of when.
#[derive(Debug, Clone, Copy)]
pub struct EnforcedQuestion {
    /// The gateway.
    pub gateway: GatewayId,
    /// The event that the decision began with.
    pub since: i64,
    /// The event that ended it; none where it still holds.
    pub until: Option<i64>,
    /// The moment at which the bundle in force is wanted.
    pub at: DateTime<Utc>,
}

/// A bundle that a gateway had in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleInForce {
    /// Its epoch.
    pub epoch: i64,
    /// Its revision.
    pub revision: i64,
    /// SHA-256 of its payload in hexadecimal.
    pub sha256: String,
    /// When the gateway reported it, by our clock.
    pub applied_at: DateTime<Utc>,
}

/// What the record says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Enforced {
    /// When the first bundle with the decision was published.
    pub published_at: Option<DateTime<Utc>>,
    /// When the gateway reported the first such bundle; none where it never has.
    pub from: Option<DateTime<Utc>>,
    /// When it reported the first bundle in which the decision is over.
    pub until: Option<DateTime<Utc>>,
    /// The bundle in force at the moment asked about; none where nothing was reported by then.
    pub in_force: Option<BundleInForce>,
}

#[derive(FromRow)]
struct Row {
    published_at: Option<DateTime<Utc>>,
    from_revision: Option<i64>,
    from_at: Option<DateTime<Utc>>,
    until_at: Option<DateTime<Utc>>,
    force_epoch: Option<i64>,
    force_revision: Option<i64>,
    force_sha256: Option<String>,
    force_at: Option<DateTime<Utc>>,
}

const ENFORCED: &str = "
    SELECT p.published_at, f.revision AS from_revision, f.at AS from_at, u.at AS until_at,
           c.epoch AS force_epoch, c.revision AS force_revision, c.sha256 AS force_sha256,
           c.at AS force_at
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[])
         WITH ORDINALITY AS q (gateway_id, since, until, at, nth)
    LEFT JOIN LATERAL (
        SELECT b.published_at FROM bundle_publication b
        WHERE b.gateway_id = q.gateway_id AND b.revision >= q.since
          AND (q.until IS NULL OR b.revision < q.until)
        ORDER BY b.published_at LIMIT 1
    ) p ON true
    LEFT JOIN LATERAL (
        SELECT a.revision, a.applied_at AS at FROM bundle_application a
        JOIN bundle_publication b USING (gateway_id, epoch, revision, sha256)
        WHERE a.gateway_id = q.gateway_id AND a.applied_at IS NOT NULL AND a.revision >= q.since
        ORDER BY coalesce(a.applied_at, a.rejected_at), a.id LIMIT 1
    ) f ON true
    LEFT JOIN LATERAL (
        SELECT a.applied_at AS at FROM bundle_application a
        JOIN bundle_publication b USING (gateway_id, epoch, revision, sha256)
        WHERE a.gateway_id = q.gateway_id AND a.applied_at IS NOT NULL AND a.revision >= q.until
        ORDER BY coalesce(a.applied_at, a.rejected_at), a.id LIMIT 1
    ) u ON true
    LEFT JOIN LATERAL (
        SELECT a.epoch, a.revision, a.sha256, a.applied_at AS at FROM bundle_application a
        JOIN bundle_publication b USING (gateway_id, epoch, revision, sha256)
        WHERE a.gateway_id = q.gateway_id AND a.applied_at IS NOT NULL
          AND coalesce(a.applied_at, a.rejected_at) <= q.at
        ORDER BY coalesce(a.applied_at, a.rejected_at) DESC, a.id DESC LIMIT 1
    ) c ON true
    ORDER BY q.nth";

impl Reports {
    /// What the record says of some decisions, in their order.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn enforced(
        &self,
        questions: &[EnforcedQuestion],
    ) -> Result<Vec<Enforced>, ReportError> {
        let rows: Vec<Row> = sqlx::query_as(ENFORCED)
            .bind(questions.iter().map(|q| q.gateway.0).collect::<Vec<_>>())
            .bind(questions.iter().map(|q| q.since).collect::<Vec<_>>())
            .bind(questions.iter().map(|q| q.until).collect::<Vec<_>>())
            .bind(questions.iter().map(|q| q.at).collect::<Vec<_>>())
            .fetch_all(self.pool())
            .await?;
        let enforced =
            |(row, question): (Row, &EnforcedQuestion)| {
                // The first one that came may be past the decision already: then it was never in force.
                let held =
                    row.from_revision.filter(|r| question.until.is_none_or(|until| *r < until));
                let bundle = row.force_epoch.zip(row.force_revision);
                let in_force = bundle.zip(row.force_sha256).zip(row.force_at);
                Enforced {
                    published_at: row.published_at,
                    from: row.from_at.filter(|_| held.is_some()),
                    until: row.until_at.filter(|_| held.is_some()),
                    in_force: in_force.map(|(((epoch, revision), sha256), applied_at)| {
                        BundleInForce { epoch, revision, sha256, applied_at }
                    }),
                }
            };
        Ok(rows.into_iter().zip(questions).map(enforced).collect())
    }
}
