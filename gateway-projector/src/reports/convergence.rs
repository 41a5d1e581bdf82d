//! How each gateway stands to its newest bundle.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use nexavpn_domain::ids::GatewayId;
use sqlx::FromRow;
use uuid::Uuid;

use super::{BundleInForce, ReportError, Reports};
use crate::{FleetStatus, folded::Lag};

/// How a gateway stands to its newest bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Convergence {
    /// It has applied its newest bundle.
    InSync,
    /// It has not applied its newest bundle yet.
    Behind {
        /// How many revisions it lacks.
        revisions: u64,
        /// Since when it lacks the first of them.
        since: DateTime<Utc>,
    },
    /// It refused the newest bundle that it saw, or could not apply it.
    Rejecting {
        /// The reason's stable code.
        code: String,
        /// The reason, for people.
        reason: String,
    },
    /// It is silent.
    Unreachable {
        /// Its last report.
        since: DateTime<Utc>,
    },
    /// No node has ever reported as this gateway.
    NeverJoined,
    /// It has applied what is not in our history.
    HistoryLost,
}

impl Convergence {
    /// Every name there is.
    pub const NAMES: [&str; 6] =
        ["in_sync", "behind", "rejecting", "unreachable", "never_joined", "history_lost"];

    /// The name in answers.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::Behind { .. } => "behind",
            Self::Rejecting { .. } => "rejecting",
            Self::Unreachable { .. } => "unreachable",
            Self::NeverJoined => "never_joined",
            Self::HistoryLost => "history_lost",
        }
    }
}

/// What is known of a gateway's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayReport {
    /// How it stands to its newest bundle.
    pub convergence: Convergence,
    /// The revision of that newest bundle.
    pub revision: i64,
    /// How many revisions it lacks and since when, whatever keeps it from having them; none where
    /// it lacks none, or where no node has ever reported.
    pub lag: Option<Lag>,
    /// The bundle in force on the node, as it says.
    pub applied: Option<BundleInForce>,
    /// The version of its agent.
    pub agent_version: Option<String>,
    /// When its last report came.
    pub last_report_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct StatusRow {
    gateway_id: Uuid,
    agent_version: String,
    received_at: DateTime<Utc>,
    applied_epoch: Option<i64>,
    applied_revision: Option<i64>,
    applied_sha256: Option<String>,
    applied_at: Option<DateTime<Utc>>,
    rejected_code: Option<String>,
    rejected_reason: Option<String>,
    lost_epoch: Option<i64>,
}

/// What a gateway should have.
struct Wanted {
    epoch: i64,
    revision: i64,
    lag: Option<Lag>,
}

impl Reports {
    /// How a gateway stands to its newest bundle.
    ///
    /// # Errors
    /// Where the gateway is unknown, the fleet is not live, or the database fails.
    pub async fn convergence(
        &self,
        id: GatewayId,
        now: DateTime<Utc>,
    ) -> Result<Convergence, ReportError> {
        let mut reports = self.gateways(&[id], now).await?;
        reports.remove(&id).map(|r| r.convergence).ok_or(ReportError::UnknownGateway)
    }

    /// What is known of the nodes of all gateways.
    ///
    /// # Errors
    /// Where the fleet is not live or the database fails.
    pub async fn all_gateways(
        &self,
        now: DateTime<Utc>,
    ) -> Result<HashMap<GatewayId, GatewayReport>, ReportError> {
        let ids: Vec<GatewayId> = self.fleet.read(|f| f.gateways().map(|(id, _)| id).collect());
        self.gateways(&ids, now).await
    }

    /// What is known of the nodes of these gateways; unknown gateways are left out.
    ///
    /// # Errors
    /// Where the fleet is not live or the database fails.
    pub async fn gateways(
        &self,
        ids: &[GatewayId],
        now: DateTime<Utc>,
    ) -> Result<HashMap<GatewayId, GatewayReport>, ReportError> {
        if self.fleet.status() != FleetStatus::Live {
            return Err(ReportError::NotLive);
        }
        let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows: Vec<StatusRow> = sqlx::query_as(
            "SELECT s.gateway_id, s.agent_version, s.received_at, s.applied_epoch,
                    s.applied_revision, s.applied_sha256, s.rejected_code, s.rejected_reason,
                    s.lost_epoch,
                    (SELECT max(a.applied_at) FROM bundle_application a
                     WHERE a.gateway_id = s.gateway_id AND a.applied_at IS NOT NULL
                       AND (a.epoch, a.revision, a.sha256)
                           = (s.applied_epoch, s.applied_revision, s.applied_sha256)) AS applied_at
             FROM gateway_status s WHERE s.gateway_id = ANY($1)",
        )
        .bind(uuids)
        .fetch_all(self.pool())
        .await?;
        let mut rows: HashMap<GatewayId, StatusRow> =
            rows.into_iter().map(|row| (row.gateway_id.into(), row)).collect();
        let epoch = self.fleet.store().epoch();
        let mut reports = HashMap::with_capacity(ids.len());
        for id in ids {
            let Some(revision) = self.fleet.read(|f| f.gateway(*id).map(|g| g.revision)) else {
                continue;
            };
            let row = rows.remove(id);
            let applied = row.as_ref().and_then(|row| row.applied_revision).unwrap_or(0);
            let wanted = Wanted { epoch, revision, lag: self.fleet.lag(*id, applied) };
            reports.insert(*id, report(row, &wanted, now, self.unreachable_after));
        }
        Ok(reports)
    }
}

fn report(
    row: Option<StatusRow>,
    wanted: &Wanted,
    now: DateTime<Utc>,
    unreachable_after: Duration,
) -> GatewayReport {
    let convergence = judge(row.as_ref(), wanted, now, unreachable_after);
    let (mut applied, mut agent_version, mut last_report_at) = (None, None, None);
    let lag = row.as_ref().and_then(|row| lacking(row, wanted));
    if let Some(row) = row {
        let bundle = row.applied_epoch.zip(row.applied_revision);
        applied = bundle.zip(row.applied_sha256).zip(row.applied_at).map(
            |(((epoch, revision), sha256), applied_at)| BundleInForce {
                epoch,
                revision,
                sha256,
                applied_at,
            },
        );
        agent_version = Some(row.agent_version);
        last_report_at = Some(row.received_at);
    }
    GatewayReport {
        convergence,
        revision: wanted.revision,
        lag,
        applied,
        agent_version,
        last_report_at,
    }
}

/// The gravest first: what a silent node said last matters less than that it is silent.
fn judge(
    row: Option<&StatusRow>,
    wanted: &Wanted,
    now: DateTime<Utc>,
    unreachable_after: Duration,
) -> Convergence {
    let Some(row) = row else { return Convergence::NeverJoined };
    if row.lost_epoch.is_some_and(|lost| wanted.epoch <= lost) {
        return Convergence::HistoryLost;
    }
    let silent = now.signed_duration_since(row.received_at).to_std().unwrap_or_default();
    if silent > unreachable_after {
        return Convergence::Unreachable { since: row.received_at };
    }
    if let (Some(code), Some(reason)) = (&row.rejected_code, &row.rejected_reason) {
        return Convergence::Rejecting { code: code.clone(), reason: reason.clone() };
    }
    match lacking(row, wanted) {
        Some(Lag { revisions, since }) => Convergence::Behind { revisions, since },
        None => Convergence::InSync,
    }
}

/// What of the newest bundle a gateway lacks.
fn lacking(row: &StatusRow, wanted: &Wanted) -> Option<Lag> {
    wanted.lag.or_else(|| {
        // No revision, but of an older epoch: the acceptance of the restore is what it lacks.
        let older = row.applied_epoch < Some(wanted.epoch);
        let since = DateTime::from_timestamp(wanted.epoch, 0).unwrap_or(row.received_at);
        older.then_some(Lag { revisions: 1, since })
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn row(epoch: i64, revision: i64) -> StatusRow {
        StatusRow {
            gateway_id: Uuid::nil(),
            agent_version: "1".to_owned(),
            received_at: at(0),
            applied_epoch: Some(epoch),
            applied_revision: Some(revision),
            applied_sha256: Some("a".repeat(64)),
            applied_at: Some(at(0)),
            rejected_code: None,
            rejected_reason: None,
            lost_epoch: None,
        }
    }

    fn judged(row: Option<&StatusRow>, lag: Option<Lag>, seconds: i64) -> Convergence {
        let wanted = Wanted { epoch: 100, revision: 7, lag };
        judge(row, &wanted, at(seconds), Duration::from_secs(90))
    }

    #[test]
    fn names_the_gravest_state() {
        let lag = Lag { revisions: 2, since: at(-5) };
        let behind = Convergence::Behind { revisions: 2, since: at(-5) };
        assert_eq!(judged(None, Some(lag), 0), Convergence::NeverJoined);
        assert_eq!(judged(Some(&row(100, 7)), None, 10), Convergence::InSync);
        assert_eq!(judged(Some(&row(100, 3)), Some(lag), 10), behind);
        assert_eq!(judged(Some(&row(100, 7)), None, 91), Convergence::Unreachable { since: at(0) });
        let mut refused = row(100, 3);
        refused.rejected_code = Some("bad_signature".to_owned());
        refused.rejected_reason = Some("why".to_owned());
        assert_eq!(
            judged(Some(&refused), Some(lag), 10),
            Convergence::Rejecting { code: "bad_signature".to_owned(), reason: "why".to_owned() }
        );
        refused.lost_epoch = Some(100);
        assert_eq!(judged(Some(&refused), Some(lag), 200), Convergence::HistoryLost);
        refused.lost_epoch = Some(99);
        assert_ne!(judged(Some(&refused), Some(lag), 10), Convergence::HistoryLost);
    }

    #[test]
    fn an_older_epoch_is_behind_also_at_the_same_revision() {
        let since = DateTime::from_timestamp(100, 0).unwrap();
        assert_eq!(
            judged(Some(&row(90, 7)), None, 10),
            Convergence::Behind { revisions: 1, since }
        );
    }

    #[test]
    fn a_report_from_the_future_is_not_silence() {
        let early = at(0) - TimeDelta::seconds(30);
        let wanted = Wanted { epoch: 100, revision: 7, lag: None };
        let state = judge(Some(&row(100, 7)), &wanted, early, Duration::from_secs(90));
        assert_eq!(state, Convergence::InSync);
    }
}
