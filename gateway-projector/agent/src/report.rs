//! Status reports, sent on the side so that a slow answer delays no bundle.

use std::path::PathBuf;

use chrono::{SecondsFormat, Utc};
use nexavpn_bundle::{Applied, KEY_ROTATION, NextKey, PeerStatus, Rejected, StatusReport};
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};

use crate::VERSION;
use crate::client::Session;
use crate::host;
use crate::trouble::Trouble;

/// Sends reports, one at a time.
#[derive(Debug)]
pub struct Reporter {
    session: Session,
    /// Where the agent keeps its state.
    state: PathBuf,
    /// The report under way, or the last one, with the trouble it had.
    under_way: Option<JoinHandle<Trouble>>,
}

impl Reporter {
    /// For the gateway of `session`, whose agent keeps its state in this directory.
    #[must_use]
    pub const fn new(session: Session, state: PathBuf) -> Self {
        Self { session, state, under_way: None }
    }

    /// Sends a report. Does nothing while an earlier one is under way: the next
    /// one says all that this one would have said.
    pub async fn send(
        &mut self,
        applied: Option<Applied>,
        rejected: Option<Rejected>,
        peers: Vec<PeerStatus>,
        next_key: Option<NextKey>,
    ) {
        let mut trouble = match self.under_way.take() {
            Some(task) if !task.is_finished() => {
                self.under_way = Some(task);
                return;
            }
            Some(task) => task.await.unwrap_or_default(),
            None => Trouble::default(),
        };
        let report = StatusReport {
            agent_version: VERSION.to_owned(),
            applied,
            rejected,
            peers,
            reported_at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            host: host::read(&self.state),
            features: vec![KEY_ROTATION.to_owned()],
            next_key,
        };
        let session = self.session.clone();
        self.under_way = Some(tokio::spawn(async move {
            match session.report(&report).await {
                // The node serves on, but nobody sees how it is.
                Err(error) if trouble.again(&error.kind()) => {
                    let advice = error.advice();
                    warn!(%error, advice, "the status report was not taken, trying again");
                }
                Err(error) => debug!(%error, "still cannot report"),
                Ok(()) => {
                    if let Some(attempts) = trouble.over() {
                        info!(attempts, "status reports are taken again");
                    }
                }
            }
            trouble
        }));
    }
}
