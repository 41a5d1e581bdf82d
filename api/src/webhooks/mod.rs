//! Sending events to webhooks, by the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks>): in order for each endpoint, at least
//! once, from where it was.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | the task of a process, which has a task of its own for each endpoint |
//! | `endpoint.rs` | one endpoint: what comes next, what became of it, when to try again |
//! | `sender.rs` | one message: signed, sent where it may go |
//! | `state.rs` | how an endpoint stands, in a word |

mod endpoint;
mod sender;
mod state;

use std::{collections::HashMap, sync::Arc, time::Duration};

use nexavpn_commands::{CommandError, Random};
use nexavpn_domain::ids::WebhookId;
use nexavpn_projections::audit;
use nexavpn_store::Guard;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};
use uuid::Uuid;

use crate::App;
use endpoint::Endpoint;
pub use sender::Sender;
pub(crate) use sender::{Message, Outcome, message_id};
pub(crate) use state::Standing;

/// For how long a process is taken to be alive after it has said so.
const ALIVE: Duration = Duration::from_secs(6);
/// How often it says so, and looks for endpoints that nobody sends for.
const BEAT: Duration = Duration::from_secs(2);
/// How much earlier than others it takes itself for dead.
const MARGIN: Duration = Duration::from_secs(2);
/// The shortest pause between two looks.
const BREATH: Duration = Duration::from_millis(100);

/// Sends until it is told to stop.
pub(crate) async fn send(
    app: App,
    random: Arc<dyn Random>,
    first_pause: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let worker = app.commands.new_id();
    let (lives, alive) = watch::channel(Instant::now());
    let mut tasks: HashMap<WebhookId, JoinHandle<()>> = HashMap::new();
    let mut failed = false;
    while !*stop.borrow() {
        match look(&app, worker, &lives).await {
            Ok(ids) => {
                failed = false;
                tasks.retain(|_, task| !task.is_finished());
                for id in ids {
                    tasks.entry(id).or_insert_with(|| {
                        let endpoint = Endpoint {
                            app: app.clone(),
                            worker,
                            id,
                            random: Arc::clone(&random),
                            first_pause,
                            alive: alive.clone(),
                        };
                        tokio::spawn(endpoint.run(stop.clone()))
                    });
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(%error, "webhooks cannot be looked at; trying again");
                }
            }
        }
        let seen = app.projections.folded(audit::NAME);
        tokio::select! {
            () = sleep(BEAT) => {}
            // A new webhook is an event.
            more = app.projections.past(audit::NAME, seen), if !failed => if more {
                sleep(BREATH).await;
            } else {
                break;
            },
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    for (_, task) in tasks {
        // They stop for the same reason; one that hangs in a request is cut off with its process.
        let _ = task.await;
    }
    if let Err(error) = app.commands.webhook_worker_ends(worker).await {
        tracing::debug!(%error, "others take over from this process once it seems dead");
    }
}

/// Says that this process lives, and finds what there is to send to.
async fn look(
    app: &App,
    worker: Uuid,
    lives: &watch::Sender<Instant>,
) -> Result<Vec<WebhookId>, CommandError> {
    // What a restored database remembers was perhaps sent long ago: an operator decides first.
    if app.commands.store().guard() != Guard::Ok {
        return Ok(vec![]);
    }
    let all = app.commands.deliveries(None).await?;
    let ids: Vec<WebhookId> =
        all.iter().filter(|d| d.enabled).map(|d| WebhookId(d.webhook_id)).collect();
    let soon = Instant::now() + BEAT;
    if !ids.is_empty() && *lives.borrow() < soon {
        let said = Instant::now();
        app.commands.webhook_worker_lives(worker, ALIVE).await?;
        lives.send_replace(said + ALIVE - MARGIN);
    }
    Ok(ids)
}
