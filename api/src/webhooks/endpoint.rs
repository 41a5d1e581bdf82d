//! One endpoint: what comes next, what became of it, and when to try again.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use nexavpn_commands::{Attempt, Claimed, Random};
use nexavpn_domain::{ids::WebhookId, webhook::Webhook};
use nexavpn_projections::audit::{self, Entry, Wanted};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{Message, Outcome, Standing, message_id};
use crate::{App, error::ApiError};

/// How many events are read at a time.
const AT_A_TIME: u32 = 50;
/// The longest pause between two attempts that we choose ourselves.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// How often an endpoint that rests is looked at: it may have been given another address.
const LOOK: Duration = Duration::from_secs(1);
/// How long it waits for new events before it looks whether it is still this process's.
const IDLE: Duration = Duration::from_secs(10);
/// How often passed-over events are written down.
const PASSED_OVER: Duration = Duration::from_secs(1);
/// The pause after a failure of ours.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Sends to one endpoint.
pub(super) struct Endpoint {
    pub(super) app: App,
    pub(super) worker: Uuid,
    pub(super) id: WebhookId,
    pub(super) random: Arc<dyn Random>,
    /// The pause after the first attempt that fails; it doubles with each further one.
    pub(super) first_pause: Duration,
    /// Until when this process may take itself for alive.
    pub(super) alive: watch::Receiver<Instant>,
}

/// What is remembered between two looks.
#[derive(Default)]
struct Place {
    /// As it was last known to be stored.
    cursor: i64,
    /// How far the log was looked through; what lies between is not wanted.
    looked: i64,
    written: Option<Instant>,
    reported_dead: bool,
}

/// What comes next.
enum Next {
    /// Another look at once.
    Look,
    /// A rest, which nothing ends early.
    Rest(Duration),
    /// A wait for events after this one.
    Events(i64),
    /// Nothing: it is deleted, disabled, or another process's.
    Nothing,
}

impl Endpoint {
    /// Sends for as long as it is this process's to do, or until it is told to stop.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut place = Place::default();
        let mut failed = false;
        loop {
            let next = match self.look(&mut place, &mut stop).await {
                Ok(next) => {
                    failed = false;
                    next
                }
                Err(error) => {
                    if !std::mem::replace(&mut failed, true) {
                        tracing::warn!(webhook = %self.id, code = error.code(), "a webhook cannot be served; trying again");
                    }
                    Next::Rest(AFTER_FAILURE)
                }
            };
            let pause = match next {
                Next::Look => continue,
                Next::Nothing => return,
                Next::Rest(pause) => pause,
                Next::Events(_) => IDLE,
            };
            let events = async {
                match next {
                    Next::Events(after) if self.app.projections.past(audit::NAME, after).await => {}
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = events => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    fn lives(&self) -> bool {
        *self.alive.borrow() > Instant::now()
    }

    async fn look(
        &self,
        place: &mut Place,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Next, ApiError> {
        if !self.lives() {
            return Ok(Next::Rest(LOOK));
        }
        let commands = &self.app.commands;
        let claimed = commands.claim_webhook(self.worker, self.id).await?;
        let Some(claimed) = claimed else { return Ok(Next::Nothing) };
        if claimed.cursor != place.cursor {
            *place = Place { reported_dead: place.reported_dead, ..Place::default() };
            (place.cursor, place.looked) = (claimed.cursor, claimed.cursor);
        }
        let rest = claimed.next_attempt_at.and_then(|at| (at - commands.now()).to_std().ok());
        if let Some(rest) = rest.filter(|rest| !rest.is_zero()) {
            return Ok(Next::Rest(rest.min(LOOK)));
        }
        let webhook = commands.store().load::<Webhook>(self.id.0).await;
        let webhook =
            webhook.map_err(|e| ApiError::from(nexavpn_projections::ReadError::from(e)))?;
        let webhook = webhook.state;
        if !webhook.is_enabled() {
            return Ok(Next::Nothing);
        }
        let wanted = Wanted { types: webhook.event_types().to_vec(), ..Wanted::default() };
        let folded = self.app.projections.folded(audit::NAME);
        let read = self.app.feed.after(&wanted, place.looked, AT_A_TIME, folded).await?;
        if read.items.is_empty() {
            place.looked = read.next;
            self.pass_over(place).await?;
            return Ok(Next::Events(place.looked));
        }
        let keys = commands.webhook_keys(self.id).await?;
        let mut claimed = claimed;
        for entry in &read.items {
            if !self.lives() {
                return Ok(Next::Look);
            }
            let message = self.message(entry).await?;
            let sender = &self.app.webhooks;
            let outcome = tokio::select! {
                outcome = sender.send(webhook.url(), &keys, &message, commands.now()) => outcome,
                // What is on its way is sent again by whoever comes next.
                _ = stop.wait_for(|stop| *stop) => return Ok(Next::Nothing),
            };
            if let Some(next) = self.settle(place, &mut claimed, entry.idx, outcome).await? {
                return Ok(next);
            }
        }
        Ok(Next::Look)
    }

    /// Writes down that what was looked through is not wanted, now and then.
    async fn pass_over(&self, place: &mut Place) -> Result<(), ApiError> {
        let due = place.written.is_none_or(|at| at.elapsed() >= PASSED_OVER);
        if place.looked == place.cursor || !due {
            return Ok(());
        }
        let (from, to) = (place.cursor, place.looked);
        if self.app.commands.webhook_advanced(self.worker, self.id, from, to).await? {
            place.cursor = to;
            place.written = Some(Instant::now());
        }
        Ok(())
    }

    async fn message(&self, entry: &Entry) -> Result<Message, ApiError> {
        let generation = self.app.commands.store().log().generation_of(entry.idx).await;
        let generation =
            generation.map_err(|e| ApiError::from(nexavpn_projections::ReadError::from(e)))?;
        let id = message_id(self.id, generation, entry.idx);
        let data = serde_json::to_value(entry).map_err(|e| ApiError::internal(&e))?;
        Ok(Message::new(id, &entry.event_type, entry.time, &data))
    }

    /// Writes down what became of a message. Says what comes next, unless it is the next message.
    async fn settle(
        &self,
        place: &mut Place,
        claimed: &mut Claimed,
        idx: i64,
        outcome: Outcome,
    ) -> Result<Option<Next>, ApiError> {
        let commands = &self.app.commands;
        let (worker, id, from) = (self.worker, self.id, place.cursor);
        match outcome {
            Outcome::Taken { status } => {
                if !commands.webhook_delivered(worker, id, from, idx, status).await? {
                    return Ok(Some(Next::Look));
                }
                (place.cursor, place.looked) = (idx, idx);
                if claimed.failing_since.take().is_some() {
                    place.reported_dead = false;
                    claimed.failures = 0;
                    tracing::info!(webhook = %id, idx, "a webhook's endpoint takes its events again");
                }
                Ok(None)
            }
            Outcome::Gone => {
                let error = "the endpoint answered 410: it wants nothing any more".to_owned();
                let at = commands.now();
                let attempt = Attempt { at, status: Some(410), error, next_attempt_at: at };
                if commands.webhook_failed(worker, id, from, &attempt).await? {
                    tracing::error!(webhook = %id, idx, "a webhook's endpoint is gone: nothing is sent to it any more");
                    commands.webhook_is_gone(id, idx).await?;
                }
                Ok(Some(Next::Nothing))
            }
            Outcome::Failed { status, error, retry_after } => {
                let now = commands.now();
                let pause = self.pause(claimed.failures).max(retry_after.unwrap_or_default());
                let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::hours(1));
                let attempt = Attempt { at: now, status, error, next_attempt_at: now + pause };
                if commands.webhook_failed(worker, id, from, &attempt).await? {
                    self.report(place, claimed, idx, &attempt);
                }
                Ok(Some(Next::Look))
            }
        }
    }

    /// Longer with each failure in a row, and never the same for many at once.
    fn pause(&self, failures: i32) -> Duration {
        let doublings = u32::try_from(failures).unwrap_or(0).min(20);
        let longest = self.first_pause.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        let mut bytes = [0; 4];
        self.random.fill(&mut bytes);
        let part = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
        longest.mul_f64(0.5 + part / 2.0)
    }

    /// Says in the log that an endpoint fails: the first time, and once it has for long.
    fn report(&self, place: &mut Place, claimed: &Claimed, idx: i64, attempt: &Attempt) {
        let Attempt { at: now, status, error, .. } = attempt;
        let webhook = self.id;
        match claimed.failing_since {
            None => tracing::warn!(
                %webhook, idx, ?status, error,
                "a webhook's endpoint does not take an event; it is sent again until it does"
            ),
            Some(since) if Standing::is_dead(since, *now) && !place.reported_dead => {
                place.reported_dead = true;
                tracing::error!(
                    %webhook, idx, %since, ?status, error,
                    "a webhook's endpoint seems dead: events wait for it; mend it, or disable it"
                );
            }
            Some(_) => {}
        }
    }
}
