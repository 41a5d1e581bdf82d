//! The loop: fetch, verify, apply, report. It asks for the newest state and
//! keeps enforcing the last verified one while there is no answer.

mod bundles;
mod secrets;
mod silence;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use chrono::Utc;
use nexavpn_bundle::{GatewaySecrets, Rejected};
use rand::Rng;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::VERSION;
use crate::backoff::Backoff;
use crate::client::{ClientError, Fetched, HeldBundle, LONGEST_WAIT, Question, Session};
use crate::contact::{Contact, boot_id, since_boot};
use crate::engine::{ApplyError, Engine, Options};
use crate::metrics::{self, Metrics, Standing};
use crate::report::Reporter;
use crate::state::{StateDir, StateError};
use crate::trouble::Trouble;
use bundles::APPLY_FAILED;

/// How often clocks that a timer cannot follow are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

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
    /// The metrics' address cannot be used.
    #[error("cannot serve metrics on {address}: {source}; choose another --metrics")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
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
    /// Where to answer scrapers, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// Leave a wireguard-go running at the end.
    pub keep_tunnel: bool,
}

/// Runs until SIGTERM or SIGINT. `random` spreads the attempts of many gateways.
///
/// # Errors
/// [`RunError`] if it cannot start; later failures are logged and retried.
pub async fn run(state: StateDir, settings: Settings, random: impl Rng) -> Result<(), RunError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;

    let (identity, credential) = state.identity()?;
    let session = Session::new(&identity, credential)?;
    let metrics = Metrics::new(identity.gateway_id.clone());
    if let Some(address) = settings.metrics {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| RunError::Metrics { address, source })?;
        if !address.ip().is_loopback() {
            warn!(%address, "other machines can read the metrics");
        }
        tokio::spawn(metrics::serve(listener, metrics.clone()));
    }
    let contact = Contact::resume(state.contact(), boot_id(), since_boot());
    let silence = contact.silence(since_boot());
    let options = settings.options.clone();
    let engine = Engine::start(state, &identity, options, Utc::now(), silence).await?;
    info!(gateway = identity.gateway_id, url = identity.url, version = VERSION, "agent runs");

    let now = Instant::now();
    let mut agent = Agent {
        reporter: Reporter::new(session.clone(), engine.state().path().to_owned()),
        session,
        engine,
        metrics,
        backoff: Backoff::new(settings.poll),
        secrets_backoff: Backoff::new(settings.poll),
        random,
        settings,
        contact,
        polling: None,
        asked_at: now,
        whole: false,
        patient: false,
        next_poll: now,
        next_look: now,
        next_secrets: now,
        next_report: now,
        wanted_secrets: BTreeSet::new(),
        stale: false,
        fetching: Trouble::default(),
        asking: Trouble::default(),
        refusing: Trouble::default(),
        applying: Trouble::default(),
        rejected: None,
    };
    loop {
        // Only waiting is interrupted, never a step of an application.
        let event = tokio::select! {
            event = agent.wait() => event,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        agent.turn(event).await;
    }
    info!("agent stops; the firewall stays as it is");
    agent.engine.stop(agent.settings.keep_tunnel).await;
    Ok(())
}

struct Agent<R> {
    session: Session,
    reporter: Reporter,
    engine: Engine,
    metrics: Metrics,
    backoff: Backoff,
    secrets_backoff: Backoff,
    random: R,
    settings: Settings,
    contact: Contact,
    /// The question for a newer bundle, while the control plane holds it.
    polling: Option<JoinHandle<Result<Fetched, ClientError>>>,
    asked_at: Instant,
    /// The next question is for a whole bundle, since a delta was of no use.
    whole: bool,
    /// The last question was answered well, so that the next one may be held.
    patient: bool,
    next_poll: Instant,
    /// When to see whether all is in force, and to try again what failed: a
    /// question may be held for longer than either should wait.
    next_look: Instant,
    next_secrets: Instant,
    next_report: Instant,
    /// What the last question for preshared keys was about.
    wanted_secrets: BTreeSet<String>,
    stale: bool,
    fetching: Trouble,
    asking: Trouble,
    refusing: Trouble,
    applying: Trouble,
    rejected: Option<Rejected>,
}

/// What the loop was woken by.
enum Event {
    /// The answer to the question for a newer bundle.
    Fetched(Result<Fetched, ClientError>),
    /// The answer to the question for preshared keys.
    Secrets(Result<GatewaySecrets, ClientError>),
    /// Something is due.
    Due,
}

/// What became of a question to the control plane.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It was answered with something new: there may be more.
    News,
    /// It was answered: there is nothing new.
    Content,
    /// It was answered with something that is of no use.
    Refused,
    /// It was not answered, or the answer could not be kept.
    Failed,
}

impl<R: Rng> Agent<R> {
    /// Waits for the next thing to do. A question for a newer bundle goes on
    /// meanwhile: it may be held for long.
    async fn wait(&mut self) -> Event {
        let later = Instant::now() + LOOK_AGAIN;
        let due = [Some(self.next_report), Some(self.next_look), self.next_expiry()];
        let due = due.into_iter().chain([self.stale_from()]).flatten().min().unwrap_or(later);
        let lacking = !self.engine.missing_secrets().is_empty();
        let secrets = self.next_secrets;
        tokio::select! {
            fetched = self.answered() => Event::Fetched(fetched),
            () = sleep_until(secrets), if lacking => Event::Secrets(self.session.secrets().await),
            () = sleep_until(due) => Event::Due,
        }
    }

    /// The answer to the question for a newer bundle, which is asked when its
    /// time has come. Safe to drop at any point.
    async fn answered(&mut self) -> Result<Fetched, ClientError> {
        let polling = match &mut self.polling {
            Some(polling) => polling,
            None => {
                sleep_until(self.next_poll).await;
                self.asked_at = Instant::now();
                let held = self.engine.held().filter(|_| !self.whole);
                let held = held
                    .map(|held| HeldBundle { etag: held.etag(), revision: held.payload.revision });
                let question =
                    Question { held, wait: self.wait_for(), known: self.engine.trusted() };
                let session = self.session.clone();
                self.polling.insert(tokio::spawn(async move { session.sync(&question).await }))
            }
        };
        let answer = polling.await;
        self.polling = None;
        answer.unwrap_or_else(|error| Err(ClientError::Unreadable(error.to_string())))
    }

    /// For how long the next question may be held. Not at all where it is to
    /// be known soon whether the control plane is there, and never so long that
    /// it would seem silent.
    fn wait_for(&self) -> Duration {
        if !self.patient || self.stale {
            return Duration::ZERO;
        }
        let limit = self.engine.held().and_then(|held| held.payload.max_stale_s);
        limit.map_or(LONGEST_WAIT, |limit| LONGEST_WAIT.min(Duration::from_secs(limit / 2)))
    }

    async fn turn(&mut self, event: Event) {
        let mut outcome = None;
        self.engine.check_tunnel().await;
        match event {
            Event::Fetched(fetched) => outcome = Some(self.take(fetched)),
            Event::Secrets(answer) => self.take_secrets(answer),
            Event::Due => {}
        }
        self.notice_staleness();
        let start = Instant::now();
        match self.engine.reconcile(Utc::now(), self.stale).await {
            Ok(changed) => {
                if let Some(attempts) = self.applying.over() {
                    info!(attempts, "the bundle is applied after all");
                }
                if changed {
                    self.metrics.took(start.elapsed());
                    self.rejected =
                        self.rejected.take().filter(|old| old.reason_code != APPLY_FAILED);
                    self.next_report = Instant::now();
                }
            }
            Err(error) => {
                self.not_applied(&error);
                outcome = Some(Outcome::Failed);
            }
        }

        self.notice_missing_secrets();
        self.metrics.stands(Standing {
            applied: self.engine.applied().cloned(),
            held_revision: self.engine.held().map(|held| held.payload.revision),
            last_contact: self.contact.last(),
            stale: self.stale,
            waiting_for_secrets: self.engine.missing_secrets().len(),
        });

        let now = Instant::now();
        self.next_look = now + self.settings.poll;
        if let Some(outcome) = outcome {
            self.patient = matches!(outcome, Outcome::News | Outcome::Content);
            let pause = match outcome {
                Outcome::News => {
                    self.backoff.succeeded();
                    Duration::ZERO
                }
                // An answer that was held for longer than the pause has been one.
                Outcome::Content => {
                    self.backoff.succeeded().saturating_sub(self.asked_at.elapsed())
                }
                Outcome::Refused => self.backoff.refused(&mut self.random),
                Outcome::Failed => self.backoff.failed(&mut self.random),
            };
            self.next_poll = now + pause;
            if self.applying.is_there() {
                self.next_look = now + pause;
            }
        }
        if now >= self.next_report {
            self.next_report = now + self.settings.report;
            let peers = self.engine.inspect(Utc::now()).await;
            self.metrics.saw(&peers);
            let (applied, rejected) = (self.engine.applied().cloned(), self.rejected.clone());
            self.reporter.send(applied, rejected, peers, self.engine.next_key()).await;
        }
    }
}
