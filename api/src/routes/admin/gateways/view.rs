//! A gateway as lists and entity answers show it.

use std::{collections::HashMap, net::IpAddr};

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use nexavpn_commands::DrainProgress;
use nexavpn_domain::{fleet::Fleet, gateway::GatewayFields, ids::GatewayId, values::Endpoint};
use nexavpn_gateway_projector::{
    Convergence, GatewayReport, ReportError,
    reports::{BundleInForce, Enforced, EnforcedQuestion},
};
use nexavpn_projections::{
    gateways::{self, GatewayRow},
    past::{self, PastGateway},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{drain::DrainView, key_rotation::KeyRotationView};
use crate::{App, error::ApiError, moment::AsOf, routes::admin::entity::Entity};

/// A gateway: what an admin has set, and how its node stands to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Gateway)]
pub(super) struct GatewayView {
    id: GatewayId,
    name: String,
    #[schema(value_type = String)]
    endpoint: Endpoint,
    public_key: Option<String>,
    listen_port: u16,
    address_pool_v4: String,
    address_pool_v6: Option<String>,
    /// Its own addresses in the tunnel.
    #[schema(value_type = Vec<String>)]
    tunnel_addresses: Vec<IpAddr>,
    #[schema(value_type = Vec<String>)]
    dns_servers: Vec<IpAddr>,
    dns_search: Vec<String>,
    mtu: u16,
    persistent_keepalive: u16,
    masquerade_interfaces: Vec<String>,
    #[schema(value_type = Vec<String>)]
    internal_networks: Vec<IpNetwork>,
    /// Whether devices get a preshared key with their next key.
    preshared_keys: bool,
    /// For how many seconds the gateway goes on without the control plane; 0 means for ever.
    max_stale_s: u32,
    device_count: usize,
    /// Its drain, where it is being drained or was: it gets no new devices.
    drain: Option<DrainView>,
    /// The rotation of its key, while one is under way.
    key_rotation: Option<KeyRotationView>,
    joined_at: Option<DateTime<Utc>>,
    agent_version: Option<String>,
    convergence: ConvergenceView,
    /// The number in the ETag.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// How the node stands to the newest bundle.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = Convergence)]
pub(super) struct ConvergenceView {
    /// `in_sync`, `behind`, `rejecting`, `unreachable`, `never_joined`, `history_lost`, or
    /// `unknown` while the control plane itself catches up. Of a past moment `in_sync`, `behind`, or
    /// `unknown` where the node had reported no bundle.
    status: &'static str,
    /// The newest bundle's revision.
    revision: Option<i64>,
    /// The bundle in force on the node, as it says.
    applied: Option<AppliedView>,
    /// Since when that bundle is in force, by the control plane's clock.
    applied_at: Option<DateTime<Utc>>,
    /// How many revisions the node lacks, whatever keeps it from having them.
    #[serde(skip_serializing_if = "Option::is_none")]
    revisions_behind: Option<u64>,
    /// Since when it has lacked the first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    lacks_since: Option<DateTime<Utc>>,
    /// Where it is behind or unreachable: since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
    /// Where it rejects the newest bundle: the stable code of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Where it rejects the newest bundle: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    last_report_at: Option<DateTime<Utc>>,
}

/// A bundle in force on a node.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AppliedBundle)]
struct AppliedView {
    epoch: i64,
    revision: i64,
    sha256: String,
}

impl From<GatewayReport> for ConvergenceView {
    fn from(report: GatewayReport) -> Self {
        let mut view = Self {
            status: report.convergence.as_str(),
            revision: Some(report.revision),
            revisions_behind: report.lag.map(|lag| lag.revisions),
            lacks_since: report.lag.map(|lag| lag.since),
            last_report_at: report.last_report_at,
            ..Self::default().with(report.applied)
        };
        match report.convergence {
            Convergence::Behind { since, .. } | Convergence::Unreachable { since } => {
                view.since = Some(since);
            }
            Convergence::Rejecting { code, reason } => {
                (view.code, view.reason) = (Some(code), Some(reason));
            }
            Convergence::InSync | Convergence::NeverJoined | Convergence::HistoryLost => {}
        }
        view
    }
}

impl ConvergenceView {
    /// Of a past moment.
    fn past(revision: i64, in_force: Option<BundleInForce>) -> Self {
        let status = match &in_force {
            Some(bundle) if bundle.revision == revision => "in_sync",
            Some(_) => "behind",
            None => "unknown",
        };
        Self { status, revision: Some(revision), ..Self::default().with(in_force) }
    }

    /// The same with the bundle in force.
    fn with(mut self, in_force: Option<BundleInForce>) -> Self {
        if let Some(BundleInForce { epoch, revision, sha256, applied_at }) = in_force {
            self.applied = Some(AppliedView { epoch, revision, sha256 });
            self.applied_at = Some(applied_at);
        }
        self
    }
}

impl GatewayView {
    /// A gateway that was not deleted; 404 otherwise.
    pub(super) async fn load(app: &App, id: GatewayId) -> Result<Self, ApiError> {
        let row = gateways::get(app.direct(), id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("gateway"))?;
        let mut views = Self::all(app, vec![row]).await?;
        views.pop().ok_or_else(|| ApiError::not_found("gateway"))
    }

    /// Adds to rows what the nodes report.
    pub(super) async fn all(app: &App, rows: Vec<GatewayRow>) -> Result<Vec<Self>, ApiError> {
        let ids: Vec<GatewayId> = rows.iter().map(|r| r.id).collect();
        let mut reports = match app.reports.gateways(&ids, app.commands.now()).await {
            Ok(reports) => reports,
            // What an admin has set can be shown all the same.
            Err(ReportError::NotLive) => HashMap::new(),
            Err(e) => return Err(e.into()),
        };
        let mut folded: HashMap<GatewayId, (usize, Option<KeyRotationView>)> =
            app.fleet.read(|fleet| {
                let rotation = |id| KeyRotationView::under_way(&fleet.gateway(id)?.keys);
                let facts = |id| (fleet.devices_of_gateway(id).count(), rotation(id));
                ids.iter().map(|id| (*id, facts(*id))).collect()
            });
        let mut drains = app.commands.drains(&ids).await?;
        let unknown = || ConvergenceView { status: "unknown", ..ConvergenceView::default() };
        let view = |row: GatewayRow| {
            let convergence = reports.remove(&row.id).map_or_else(unknown, Into::into);
            let (device_count, key_rotation) = folded.remove(&row.id).unwrap_or_default();
            let drain = drains.remove(&row.id).map(|drain| DrainView::new(row.id, drain));
            Self { device_count, drain, key_rotation, ..Self::new(row, convergence) }
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Gateways as they were at a moment. Of how their nodes stood to it is shown what they had in
    /// force, by the record.
    pub(super) async fn past(
        app: &App,
        at: AsOf,
        fleet: &Fleet,
        ids: &[GatewayId],
    ) -> Result<Vec<Self>, ApiError> {
        let log = app.commands.store().log();
        let mut rows = past::gateways(&log, ids, at.idx).await?;
        let question =
            |id: &GatewayId| EnforcedQuestion { gateway: *id, since: 0, until: None, at: at.asked };
        let questions: Vec<_> = ids.iter().map(question).collect();
        let enforced = app.reports.enforced(&questions).await?;
        let view = |(id, enforced): (&GatewayId, Enforced)| {
            let (state, PastGateway { row, drain }) = (fleet.gateway(*id)?, rows.remove(id)?);
            let devices = fleet.devices_of_gateway(*id).count();
            let convergence = ConvergenceView::past(state.revision, enforced.in_force);
            let drain = drain.map(|(target, started_at)| {
                let devices_left = i64::try_from(devices).unwrap_or(i64::MAX);
                let progress = DrainProgress { target, started_at, devices_left, failure: None };
                DrainView::new(*id, progress)
            });
            let key_rotation = KeyRotationView::under_way(&state.keys);
            let device_count = devices;
            Some(Self { device_count, drain, key_rotation, ..Self::new(row, convergence) })
        };
        Ok(ids.iter().zip(enforced).filter_map(view).collect())
    }

    /// How its node stands to the newest bundle.
    pub(super) fn convergence(self) -> ConvergenceView {
        self.convergence
    }

    fn new(row: GatewayRow, convergence: ConvergenceView) -> Self {
        let GatewayFields { pool, .. } = &row.fields;
        Self {
            address_pool_v4: pool.v4.to_string(),
            address_pool_v6: pool.v6.map(|network| network.to_string()),
            tunnel_addresses: pool.gateway_addresses().iter().collect(),
            id: row.id,
            name: row.fields.name,
            endpoint: row.fields.endpoint,
            public_key: row.public_key,
            listen_port: row.fields.listen_port,
            dns_servers: row.fields.dns_servers,
            dns_search: row.fields.dns_search,
            mtu: row.fields.mtu,
            persistent_keepalive: row.fields.persistent_keepalive,
            masquerade_interfaces: row.fields.masquerade_interfaces,
            internal_networks: row.fields.internal_networks,
            preshared_keys: row.fields.preshared_keys,
            max_stale_s: row.fields.max_stale_s,
            device_count: 0,
            drain: None,
            key_rotation: None,
            joined_at: row.joined_at,
            agent_version: row.agent_version,
            convergence,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Entity for GatewayView {
    fn version(&self) -> i64 {
        self.version
    }
}
