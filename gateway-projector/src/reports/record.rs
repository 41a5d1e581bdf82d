//! Storing a gateway's report.

use chrono::{DateTime, Utc};
use nexavpn_bundle::StatusReport;
use nexavpn_domain::ids::GatewayId;
use sqlx::{PgConnection, Row as _};

use super::{
    ReportError, Reports,
    checked::{Checked, CheckedRejection},
};
use crate::FleetStatus;

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stored.
    Accepted,
    /// Stored, and the gateway has applied what is not in our history: nothing is published to
    /// it until the acceptance of a restore gives a higher epoch, or the node was set up anew.
    HistoryLost,
}

/// What the report before said.
#[derive(Default)]
struct Before {
    applied: Option<(i64, i64, String)>,
    rejected: Option<(Option<i64>, Option<i64>, String)>,
    lost_epoch: Option<i64>,
}

impl Reports {
    /// Stores a gateway's report: the newest status, the peers, and what is new about applied
    /// and refused bundles.
    ///
    /// # Errors
    /// Where the report cannot be right, the gateway is unknown, or the database fails.
    pub async fn record_status(
        &self,
        id: GatewayId,
        report: &StatusReport,
        now: DateTime<Utc>,
    ) -> Result<Outcome, ReportError> {
        let outcome = self.store_report(id, report, now).await;
        self.counts.report(&outcome);
        outcome
    }

    async fn store_report(
        &self,
        id: GatewayId,
        report: &StatusReport,
        now: DateTime<Utc>,
    ) -> Result<Outcome, ReportError> {
        let checked = Checked::new(report)?;
        if self.fleet.read(|fleet| fleet.gateway(id).is_none()) {
            return Err(match self.fleet.status() {
                FleetStatus::Live => ReportError::UnknownGateway,
                FleetStatus::CatchingUp | FleetStatus::Stopped { .. } => ReportError::NotLive,
            });
        }
        let ours = self.fleet.store().epoch();
        let peers = self.peers_of(id, &report.peers, now);

        let mut tx = self.pool().begin().await?;
        let before = before(&mut tx, id, &checked, now).await?;
        let lost_epoch = lost(&mut tx, id, ours, checked.applied.as_ref()).await?;
        let newly_applied = checked.applied.as_ref().filter(|a| before.applied.as_ref() != Some(a));
        let newly_rejected = checked
            .rejected
            .as_ref()
            .filter(|r| before.rejected.as_ref() != Some(&(r.epoch, r.revision, r.code.clone())));
        if let Some(applied) = newly_applied {
            record_applied(&mut tx, id, applied, now).await?;
        }
        if let Some(rejected) = newly_rejected {
            record_rejected(&mut tx, id, rejected, now).await?;
        }
        store_status(&mut tx, id, &checked, lost_epoch, now).await?;
        peers.store(&mut tx, id, now).await?;
        // Mere telemetry comes again with the next report; what an auditor asks for does not.
        let audit =
            newly_applied.is_some() || newly_rejected.is_some() || lost_epoch != before.lost_epoch;
        sqlx::query("SELECT set_config('synchronous_commit', $1, true)")
            .bind(if audit { "on" } else { "off" })
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        if newly_rejected.is_some() {
            self.counts.rejection(id);
        }
        if let Some(host) = &report.host
            && let Err(error) = self.record_host(id, host, now).await
        {
            tracing::warn!(gateway = %id, %error, "a sample of the gateway's host was not kept");
        }

        if lost_epoch.is_some() {
            if before.lost_epoch != lost_epoch {
                tracing::error!(
                    gateway = %id,
                    applied = ?checked.applied,
                    epoch = ours,
                    "the gateway has applied a bundle that is not in this history; \
                     nothing is published to it until `nexavpn restore accept`"
                );
            }
            return Ok(Outcome::HistoryLost);
        }
        Ok(Outcome::Accepted)
    }
}

/// Up to which epoch the history is lost that the applied bundle comes from; `None` where
/// nothing is lost.
///
/// Every bundle is on record before it is served. So one of the present epoch that is not on
/// record, or with another hash, was published by a history that a restore has cut off, also
/// where our own revisions have meanwhile risen past it.
async fn lost(
    db: &mut PgConnection,
    id: GatewayId,
    ours: i64,
    applied: Option<&(i64, i64, String)>,
) -> Result<Option<i64>, sqlx::Error> {
    let Some((epoch, revision, sha256)) = applied.filter(|(epoch, ..)| *epoch >= ours) else {
        return Ok(None);
    };
    if *epoch > ours {
        return Ok(Some(*epoch));
    }
    let on_record: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM bundle_publication WHERE gateway_id = $1
         AND epoch = $2 AND revision = $3 AND sha256 = $4)",
    )
    .bind(id.0)
    .bind(epoch)
    .bind(revision)
    .bind(sha256)
    .fetch_one(db)
    .await?;
    Ok((!on_record).then_some(*epoch))
}

/// What the report before said. Until the end of the transaction other reports of this gateway wait,
/// so that what two of them say is not new twice.
async fn before(
    db: &mut PgConnection,
    id: GatewayId,
    checked: &Checked,
    now: DateTime<Utc>,
) -> Result<Before, sqlx::Error> {
    if let Some(before) = locked(db, id).await? {
        return Ok(before);
    }
    // The first report ever: there has to be a row for others to wait at. One that another report
    // has just made is as good.
    sqlx::query(
        "INSERT INTO gateway_status (gateway_id, agent_version, reported_at, received_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT (gateway_id) DO NOTHING",
    )
    .bind(id.0)
    .bind(&checked.agent_version)
    .bind(checked.reported_at)
    .bind(now)
    .execute(&mut *db)
    .await?;
    Ok(locked(db, id).await?.unwrap_or_default())
}

async fn locked(db: &mut PgConnection, id: GatewayId) -> Result<Option<Before>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT applied_epoch, applied_revision, applied_sha256,
                rejected_epoch, rejected_revision, rejected_code, lost_epoch
         FROM gateway_status WHERE gateway_id = $1 FOR UPDATE",
    )
    .bind(id.0)
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (epoch, revision): (Option<i64>, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    let sha256: Option<String> = row.try_get(2)?;
    let applied = epoch.zip(revision).zip(sha256).map(|((e, r), sha256)| (e, r, sha256));
    let (epoch, revision): (Option<i64>, Option<i64>) = (row.try_get(3)?, row.try_get(4)?);
    let code: Option<String> = row.try_get(5)?;
    let rejected = code.map(|code| (epoch, revision, code));
    Ok(Some(Before { applied, rejected, lost_epoch: row.try_get(6)? }))
}

async fn record_applied(
    db: &mut PgConnection,
    id: GatewayId,
    (epoch, revision, sha256): &(i64, i64, String),
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO bundle_application (gateway_id, epoch, revision, sha256, applied_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id.0)
    .bind(epoch)
    .bind(revision)
    .bind(sha256)
    .bind(now)
    .execute(db)
    .await?;
    crate::one_row(&done)
}

async fn record_rejected(
    db: &mut PgConnection,
    id: GatewayId,
    rejected: &CheckedRejection,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO bundle_application (gateway_id, epoch, revision, sha256, rejected_at,
                                         rejected_code, rejected_reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id.0)
    .bind(rejected.epoch)
    .bind(rejected.revision)
    .bind(&rejected.sha256)
    .bind(now)
    .bind(&rejected.code)
    .bind(&rejected.reason)
    .execute(db)
    .await?;
    crate::one_row(&done)
}

async fn store_status(
    db: &mut PgConnection,
    id: GatewayId,
    checked: &Checked,
    lost_epoch: Option<i64>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let applied = checked.applied.as_ref();
    let rejected = checked.rejected.as_ref();
    let done = sqlx::query(
        "INSERT INTO gateway_status (gateway_id, agent_version, reported_at, received_at,
             applied_epoch, applied_revision, applied_sha256,
             rejected_epoch, rejected_revision, rejected_code, rejected_reason, lost_epoch,
             features)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (gateway_id) DO UPDATE SET
             agent_version = excluded.agent_version, reported_at = excluded.reported_at,
             received_at = excluded.received_at, applied_epoch = excluded.applied_epoch,
             applied_revision = excluded.applied_revision,
             applied_sha256 = excluded.applied_sha256, rejected_epoch = excluded.rejected_epoch,
             rejected_revision = excluded.rejected_revision,
             rejected_code = excluded.rejected_code, rejected_reason = excluded.rejected_reason,
             lost_epoch = excluded.lost_epoch, features = excluded.features",
    )
    .bind(id.0)
    .bind(&checked.agent_version)
    .bind(checked.reported_at)
    .bind(now)
    .bind(applied.map(|(epoch, ..)| *epoch))
    .bind(applied.map(|(_, revision, _)| *revision))
    .bind(applied.map(|(.., sha256)| sha256))
    .bind(rejected.and_then(|r| r.epoch))
    .bind(rejected.and_then(|r| r.revision))
    .bind(rejected.map(|r| &r.code))
    .bind(rejected.map(|r| &r.reason))
    .bind(lost_epoch)
    .bind(&checked.features)
    .execute(db)
    .await?;
    crate::one_row(&done)
}
