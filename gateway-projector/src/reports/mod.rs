//! What gateways and devices report.
//!
//! | file | holds |
//! | --- | --- |
//! | `bundles.rs` | what became of each bundle that was published |
//! | `checked.rs` | a report whose texts and numbers are within bounds |
//! | `record.rs` | storing a report, and noticing a lost history |
//! | `convergence.rs` | how each gateway stands to its newest bundle |
//! | `counts.rs` | how many reports came |
//! | `enforcement.rs` | from when until when a gateway had what in force |
//! | `gateway_keys.rs` | which devices have fetched a gateway's next key |
//! | `history.rs` | the record of what was published and what became of it |
//! | `host.rs` | samples of the nodes' hosts, kept by the day |
//! | `host_query.rs` | those samples over a range of time |
//! | `telemetry.rs` | heartbeats, handshakes and transfer of devices |

mod bundles;
mod checked;
mod convergence;
mod counts;
mod enforcement;
mod gateway_keys;
mod history;
mod host;
mod host_query;
mod record;
mod telemetry;

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use thiserror::Error;

use crate::FleetHandle;

pub use bundles::PublishedBundle;
pub use convergence::{Convergence, GatewayReport};
pub use counts::ReportCounts;
pub use enforcement::{BundleInForce, Enforced, EnforcedQuestion};
pub use history::{BundleOutcome, BundleRecord, NoCursor, RecordCursor};
pub use host::TELEMETRY_DAYS;
pub use host_query::{HostFacts, HostHistory, HostPoint, HostRange, InterfacePoint};
pub use record::Outcome;
pub use telemetry::{DeviceTelemetry, PeerTelemetry};

/// After so long without a report a gateway counts as unreachable, unless set otherwise.
pub const UNREACHABLE_AFTER: Duration = Duration::from_secs(90);

/// Why a report was not stored, or a question about reports not answered.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A field of the report cannot be right.
    #[error("{field} {problem}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong, in words.
        problem: &'static str,
    },
    /// There is no such gateway.
    #[error("there is no such gateway")]
    UnknownGateway,
    /// The fleet does not follow the stream at the moment.
    #[error("the event stream is not being followed at the moment")]
    NotLive,
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

/// The reports of gateways and devices. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reports {
    fleet: FleetHandle,
    unreachable_after: Duration,
    telemetry_days: u16,
    counts: Arc<counts::Counts>,
}

impl Reports {
    /// Reports to what the fleet says, kept in the fleet's database.
    #[must_use]
    pub fn new(fleet: FleetHandle) -> Self {
        Self {
            fleet,
            unreachable_after: UNREACHABLE_AFTER,
            telemetry_days: TELEMETRY_DAYS,
            counts: Arc::default(),
        }
    }

    /// The same with another time after which a silent gateway counts as unreachable.
    #[must_use]
    pub fn with_unreachable_after(mut self, after: Duration) -> Self {
        self.unreachable_after = after;
        self
    }

    /// The same with another number of days for which samples of hosts are kept: 1 to 3650.
    #[must_use]
    pub fn with_telemetry_days(mut self, days: u16) -> Self {
        self.telemetry_days = days;
        self
    }

    /// How many reports came to this process.
    #[must_use]
    pub fn counts(&self) -> ReportCounts {
        self.counts.of(|id| self.fleet.read(|fleet| fleet.gateway(id).is_some()))
    }

    fn pool(&self) -> &PgPool {
        self.fleet.store().pool()
    }
}
