//! The loop: fetch, verify, apply, report. It asks for the newest state and
//! keeps enforcing the last verified one while there is no answer.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{SecondsFormat, Utc};
use nexavpn_bundle::{BundleError, Rejected, StatusReport};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

use crate::VERSION;
use crate::client::{ClientError, ControlPlane, Fetched};
use crate::engine::{ApplyError, Engine, Offer, Options, applied};
use crate::state::{StateDir, StateError};

/// The longest pause between attempts, however often they have failed: this
/// bounds how late a revocation arrives after an outage.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An agent that cannot run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The URL that was joined is not acceptable.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The deny base could not be loaded.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Signals cannot be received.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
}

/// How the loop runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The engine's options.
    pub options: Options,
    /// Pause between two questions to the control plane.
    pub poll: Duration,
    /// Pause between two status reports without news.
    pub report: Duration,
    /// Leave a wireguard-go running at the end.
    pub keep_tunnel: bool,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// [`RunError`] if it cannot start; later failures are logged and retried.
pub async fn run(state: StateDir, settings: Settings) -> Result<(), RunError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;

    let (identity, credential) = state.identity()?;
    let pin = identity.tls_cert_sha256.as_deref().and_then(|text| STANDARD.decode(text).ok());
    let pin = pin.and_then(|raw| raw.try_into().ok());
    let control_plane = ControlPlane::new(&identity.url, pin, identity.insecure)?;
    let engine = Engine::start(state, &identity, settings.options.clone(), Utc::now()).await?;
    info!(gateway = identity.gateway_id, url = identity.url, version = VERSION, "agent runs");

    let now = Instant::now();
    let mut agent = Agent {
        control_plane,
        gateway_id: identity.gateway_id,
        credential,
        engine,
        settings,
        last_contact: now,
        next_poll: now,
        next_report: now,
        failures: 0,
        stale: false,
        unapplied: false,
        rejected: None,
        reporting: None,
    };
    loop {
        // Only waiting is interrupted, never a step of an application.
        let fetched = tokio::select! {
            fetched = agent.wait() => fetched,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        agent.turn(fetched).await;
    }
    info!("agent stops; the firewall stays as it is");
    agent.engine.stop(agent.settings.keep_tunnel).await;
    Ok(())
}

struct Agent {
    control_plane: ControlPlane,
    gateway_id: String,
    credential: String,
    engine: Engine,
    settings: Settings,
    /// Of the last authenticated 200 or 304, on the monotonic clock. A start
    /// counts as one, or a node could not come back by itself in an outage.
    last_contact: Instant,
    next_poll: Instant,
    next_report: Instant,
    failures: u32,
    stale: bool,
    /// The last application failed.
    unapplied: bool,
    rejected: Option<Rejected>,
    /// The report under way, or the last one, with what became of it.
    reporting: Option<JoinHandle<Option<ClientError>>>,
}

impl Agent {
    /// Waits for the next thing to do; where that is a question to the control
    /// plane, asks it. Safe to drop at any point.
    async fn wait(&self) -> Option<Result<Fetched, ClientError>> {
        let wake = [Some(self.next_report), self.next_expiry(), self.stale_from()];
        let wake = wake.into_iter().flatten().min().unwrap_or(self.next_poll);
        if wake < self.next_poll {
            sleep_until(wake).await;
            return None;
        }
        sleep_until(self.next_poll).await;
        let tag = self.engine.held().map(nexavpn_bundle::VerifiedBundle::etag);
        Some(self.control_plane.sync(&self.gateway_id, &self.credential, tag.as_deref()).await)
    }

    async fn turn(&mut self, fetched: Option<Result<Fetched, ClientError>>) {
        let polled = fetched.is_some();
        let mut failed = false;
        if let Some(fetched) = fetched {
            self.engine.check_tunnel().await;
            failed = !self.take(fetched);
        }

        self.notice_staleness();
        match self.engine.reconcile(Utc::now(), self.stale).await {
            Ok(true) => {
                self.unapplied = false;
                self.rejected =
                    self.rejected.take().filter(|old| old.reason_code != "apply_failed");
                self.next_report = Instant::now();
            }
            Ok(false) => {}
            Err(error) => {
                self.unapplied = true;
                error!(%error, "cannot apply the bundle, trying again");
                failed = true;
                let held = self.engine.held().map(applied);
                self.reject(Rejected {
                    epoch: held.as_ref().map(|held| held.epoch),
                    revision: held.as_ref().map(|held| held.revision),
                    sha256: held.map(|held| held.sha256),
                    reason_code: "apply_failed".to_owned(),
                    reason: error.to_string(),
                });
            }
        }

        let now = Instant::now();
        if polled || failed {
            self.failures = if failed { self.failures.saturating_add(1) } else { 0 };
            self.next_poll = now + self.pause();
        }
        if now >= self.next_report {
            self.next_report = now + self.settings.report;
            self.report().await;
        }
    }

    /// Whether the answer was one to be content with.
    fn take(&mut self, fetched: Result<Fetched, ClientError>) -> bool {
        let body = match fetched {
            Ok(Fetched::NotModified) => {
                self.last_contact = Instant::now();
                self.rejected =
                    self.rejected.take().filter(|old| old.reason_code == "apply_failed");
                return true;
            }
            Ok(Fetched::Bundle(body)) => body,
            Err(error) => {
                // Every attempt fails alike during an outage: one line is enough.
                if self.failures == 0 {
                    warn!(%error, "cannot fetch, keeping the bundle in force");
                } else {
                    debug!(%error, failures = self.failures, "still cannot fetch");
                }
                return false;
            }
        };
        match self.engine.offer(&body) {
            Ok(Offer::Accepted) => {
                self.last_contact = Instant::now();
                self.rejected = None;
                true
            }
            Ok(Offer::Held) => {
                self.last_contact = Instant::now();
                true
            }
            Ok(Offer::Refused { reason, known }) => {
                self.refuse(&reason, known);
                // There was an answer: the next one may be better soon.
                self.failures = self.failures.min(1);
                false
            }
            Err(error) => {
                error!(%error, "cannot keep a new bundle, it is not applied");
                false
            }
        }
    }

    fn refuse(&mut self, reason: &BundleError, known: Option<nexavpn_bundle::Applied>) {
        let code = reason.reason_code();
        warn!(code, %reason, "refused a bundle, keeping the one in force");
        self.reject(Rejected {
            epoch: known.as_ref().map(|known| known.epoch),
            revision: known.as_ref().map(|known| known.revision),
            sha256: known.map(|known| known.sha256),
            reason_code: code.to_owned(),
            reason: reason.to_string(),
        });
    }

    /// Reports a new reason at once, the same one again with the next report.
    fn reject(&mut self, rejected: Rejected) {
        if self.rejected.as_ref() != Some(&rejected) {
            self.next_report = Instant::now();
        }
        self.rejected = Some(rejected);
    }

    fn stale_from(&self) -> Option<Instant> {
        let limit = self.engine.held()?.payload.max_stale_s?;
        let from = self.last_contact.checked_add(Duration::from_secs(limit))?;
        (!self.stale).then_some(from)
    }

    fn notice_staleness(&mut self) {
        let limit = self.engine.held().and_then(|held| held.payload.max_stale_s);
        let stale =
            limit.is_some_and(|limit| self.last_contact.elapsed() >= Duration::from_secs(limit));
        if stale != self.stale {
            warn!(stale, "the control plane has been silent for max_stale_s, or is back");
        }
        self.stale = stale;
    }

    fn next_expiry(&self) -> Option<Instant> {
        // What failed is tried again with the next question.
        if self.unapplied {
            return None;
        }
        let left = (self.engine.next_expiry()? - Utc::now()).to_std().unwrap_or_default();
        // The clock may be set: look again now and then.
        Some(Instant::now() + left.min(Duration::from_secs(60)))
    }

    /// The next pause: doubled by each failure, and of random length then, so
    /// that gateways do not come back all at once.
    fn pause(&self) -> Duration {
        if self.failures == 0 {
            return self.settings.poll;
        }
        let doubled = self.settings.poll.saturating_mul(1 << self.failures.min(16));
        let longest = doubled.min(LONGEST_PAUSE.max(self.settings.poll));
        longest.mul_f64(rand::random_range(0.5..1.0))
    }

    /// Sends a report on the side, so that a slow answer delays no bundle; one
    /// at a time, since the next says all that this one would have said.
    async fn report(&mut self) {
        let peers = self.engine.inspect().await;
        let earlier = match self.reporting.take() {
            Some(task) if !task.is_finished() => {
                self.reporting = Some(task);
                return;
            }
            Some(task) => task.await.ok().flatten(),
            None => None,
        };
        let report = StatusReport {
            agent_version: VERSION.to_owned(),
            applied: self.engine.applied().cloned(),
            rejected: self.rejected.clone(),
            peers,
            reported_at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        let (control_plane, gateway_id, credential) =
            (self.control_plane.clone(), self.gateway_id.clone(), self.credential.clone());
        self.reporting = Some(tokio::spawn(async move {
            let failure = control_plane.report(&gateway_id, &credential, &report).await.err();
            match (&failure, &earlier) {
                (Some(error), Some(earlier)) if error.is_like(earlier) => {
                    debug!(%error, "still cannot report");
                }
                // The node serves on, but nobody sees how it is.
                (Some(error), _) => warn!(%error, "the status report was not taken"),
                (None, Some(_)) => info!("status reports are taken again"),
                (None, None) => {}
            }
            failure
        }));
    }
}
