//! What runs beside the requests. Each task works off what it finds, so that nothing is lost
//! where one was not woken, and any number of processes may run them.

use std::time::Duration;

use nexavpn_commands::{CommandError, Commands, Drains};
use nexavpn_store::{Guard, OpenTransaction};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{Pace, establish::Establish};
use crate::App;

/// The shortest pause of the clock, so that a busy log does not make it ask all the time.
const BREATH: Duration = Duration::from_millis(100);
/// The pause after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How often drains that cannot go on are looked at again, at least.
const DRAIN: Duration = Duration::from_secs(10);
/// How often what has run out is deleted.
const SWEEP: Duration = Duration::from_secs(60);

/// Appends what is due when it is due, and the counts of repeated failures; sweeps.
pub(super) async fn clock(commands: Commands, pace: Pace, mut stop: watch::Receiver<bool>) {
    let mut head = commands.store().head();
    let mut swept = None;
    let mut failed = false;
    while !*stop.borrow() {
        head.borrow_and_update();
        let pause = match tick(&commands, &mut swept).await {
            Ok(next) => {
                failed = false;
                next.min(pace.clock).max(BREATH.min(pace.clock))
            }
            Err(error) => {
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(%error, "what is due could not be appended; trying again");
                }
                AFTER_FAILURE
            }
        };
        let long = pause > BREATH;
        tokio::select! {
            () = sleep(pause) => {}
            // A new event may bring the next moment forward.
            changed = head.changed(), if long && !failed => match changed {
                Ok(()) => sleep(BREATH).await,
                Err(_) => return,
            },
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

async fn tick(commands: &Commands, swept: &mut Option<Instant>) -> Result<Duration, CommandError> {
    if commands.store().guard() != Guard::Ok {
        return Ok(SWEEP);
    }
    while commands.run_due().await? > 0 {}
    commands.record_counts().await?;
    if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
        commands.sweep().await?;
        *swept = Some(Instant::now());
    }
    commands.next_due().await
}

/// Moves devices off the gateways that are drained.
pub(super) async fn drains(commands: Commands, pace: Pace, mut stop: watch::Receiver<bool>) {
    let mut head = commands.store().head();
    let mut drains = Drains::default();
    let mut failed = false;
    while !*stop.borrow() {
        head.borrow_and_update();
        let pause = match drain(&commands, &mut drains).await {
            Ok(true) => continue,
            Ok(false) => {
                failed = false;
                pace.clock.min(DRAIN)
            }
            Err(error) => {
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(%error, "gateways cannot be drained; trying again");
                }
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            // The beginning of a drain is an event.
            changed = head.changed(), if !failed => match changed {
                Ok(()) => sleep(BREATH.min(pause)).await,
                Err(_) => return,
            },
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

/// Whether there may be more to do at once.
async fn drain(commands: &Commands, drains: &mut Drains) -> Result<bool, CommandError> {
    if commands.store().guard() != Guard::Ok {
        return Ok(false);
    }
    drains.step(commands).await
}

/// Makes the partitions of telemetry ahead of their days, and drops those that nobody wants to keep.
pub(super) async fn telemetry(app: App, pace: Pace, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let pause = match app.reports.keep_partitions(app.commands.now()).await {
            Ok(()) => pace.telemetry,
            Err(error) => {
                tracing::warn!(%error, "the partitions of telemetry were not kept; trying again");
                pace.telemetry.min(Duration::from_secs(60))
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

/// Looks at the guard, so that an acceptance by another process is noticed, and at what holds the
/// order of events back; makes up for what a start could not establish.
pub(super) async fn watch(
    app: App,
    mut establish: Establish,
    pace: Pace,
    mut stop: watch::Receiver<bool>,
) {
    let mut named = None;
    while !*stop.borrow() {
        tokio::select! {
            () = sleep(pace.watch) => {}
            changed = stop.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        }
        look_at_guard(&app).await;
        // Nobody is there to read a generated password: `nexavpn admin reset` gives another.
        if let Err(error) = establish.run().await {
            tracing::error!(%error, "the server cannot be set up");
        }
        look_at_horizon(&app, pace.horizon, &mut named).await;
    }
}

async fn look_at_guard(app: &App) {
    let store = app.commands.store();
    let (guard, epoch) = (store.guard(), store.epoch());
    match store.refresh_guard().await {
        // Whoever needs the database says that it fails.
        Err(error) => tracing::debug!(%error, "the guard could not be looked at"),
        Ok(Guard::Restored { why }) if guard == Guard::Ok => {
            tracing::error!("{why}: no writes until `nexavpn restore accept`");
        }
        Ok(Guard::Ok) if guard != Guard::Ok || store.epoch() != epoch => {
            tracing::info!(epoch = store.epoch(), "the present history has been accepted");
        }
        Ok(_) => {}
    }
}

/// Names, once, a transaction that has been open too long: nothing after it is seen by anybody,
/// revocations neither.
async fn look_at_horizon(app: &App, patience: Duration, named: &mut Option<OpenTransaction>) {
    let oldest = match nexavpn_store::horizon(&app.pool).await {
        Ok(oldest) => oldest,
        Err(error) => {
            tracing::debug!(%error, "the horizon could not be looked at");
            return;
        }
    };
    let now = chrono::Utc::now();
    let too_old = oldest.filter(|open| {
        open.since.is_some_and(|since| (now - since).to_std().is_ok_and(|age| age >= patience))
    });
    let same = |a: &OpenTransaction, b: &OpenTransaction| (a.pid, a.since) == (b.pid, b.since);
    match (&too_old, &*named) {
        (Some(open), before) if before.as_ref().is_none_or(|b| !same(open, b)) => {
            tracing::warn!(
                database = open.database,
                application = open.application,
                pid = open.pid,
                since = ?open.since,
                "an open transaction keeps all newer events out of sight, revocations too: \
                 end it, or pg_terminate_backend its process"
            );
        }
        (None, Some(before)) => {
            tracing::info!(pid = before.pid, "the transaction that held events back has ended");
        }
        _ => {}
    }
    *named = too_old;
}
