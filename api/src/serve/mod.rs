//! A running control plane: everything started in order, and stopped in the opposite order.
//!
//! | file | holds |
//! | --- | --- |
//! | `options.rs` | what it is started with |
//! | `connections.rs` | the listener: connections, what they may take, TLS on them |
//! | `tls.rs` | the certificate and its key |
//! | `database.rs` | the given or the embedded database, migrations, the write side over it |
//! | `establish.rs` | what the first start makes: the first admin, the signing key |
//! | `foresight.rs` | what the write side asks the fleet |
//! | `tasks.rs` | what runs beside the requests: clock, guard, horizon |
//! | `supervise.rs` | the embedded PostgreSQL, started again where it ends |

mod connections;
mod database;
mod error;
mod establish;
mod foresight;
mod options;
mod supervise;
mod tasks;
mod tls;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use nexavpn_commands::{Commands, FirstAdmin};
use nexavpn_gateway_projector::{FleetHandle, Publisher, Reports, SigningKeys};
use nexavpn_projections::{REGISTRY, Runner, audit::Feed};
use nexavpn_store::{Guard, Keyring, LogKey};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    App, Parts,
    auth::{AccessTokens, JwtError, TokenUse},
    consistency::{Stalled, Unread},
    dialects::wg_easy::WgEasy,
    http::Rates,
    idempotency::Turns,
    router,
    webhooks::{self, Sender},
};
pub use connections::ConnectionLimits;
use connections::Door;
pub use database::Database;
pub(crate) use database::open_commands;
pub use error::ServeError;
use establish::Establish;
pub use options::{DatabaseOptions, FirstAdminOptions, Pace, ServeOptions};
use supervise::Supervisor;
pub use tls::{Tls, TlsError, TlsOptions};

/// How long a background task may take to notice that it should end.
const TASK_BOUND: Duration = Duration::from_secs(5);

/// A control plane that answers.
pub struct Running {
    /// Where, without a slash at the end.
    pub base_url: String,
    /// Where its data is, for people.
    pub place: String,
    /// The admin whom this start made, where there was none.
    pub first_admin: Option<FirstAdmin>,
    /// The parts, for whoever runs in the same process.
    pub app: App,
    listening: watch::Sender<bool>,
    working: watch::Sender<bool>,
    http: JoinHandle<std::io::Result<()>>,
    tasks: Vec<JoinHandle<()>>,
    runner: Runner,
    supervisor: Option<Supervisor>,
    drain: Duration,
}

async fn access_tokens(
    options: &ServeOptions,
    keyring: &Keyring,
) -> Result<AccessTokens, JwtError> {
    let (keyring, random) = (keyring.clone(), Arc::clone(&options.random));
    let uses: &[_] = if options.wg_easy.is_some() { &[TokenUse::WgEasy] } else { &[] };
    AccessTokens::open(keyring, random, options.token_key_age, uses, options.clock.now()).await
}

/// Starts a control plane; returns when it answers.
///
/// A restored database is served read-only until it is accepted, and then goes on by itself.
///
/// # Errors
/// What keeps it from starting. What had been started by then is stopped.
pub async fn start(options: ServeOptions) -> Result<Running, ServeError> {
    // First, since it fails most often, and connections may wait meanwhile.
    let tls = options.tls.clone().map(Tls::load).transpose()?;
    let (listener, address) = listen(&options).await?;
    let mut database = Database::open(&options.database).await?;
    database.migrate().await?;
    let pool = database.pool();
    let commands = open_commands(&pool, &options).await?;
    let store = commands.store().clone();
    warn_about(&commands, &database).await?;

    let (working, work) = watch::channel(false);
    let mut seed = [0; 32];
    options.random.fill(&mut seed);
    let log_name = options.log_name.as_deref();
    let log_key = LogKey::open_or_make(store.keyring(), log_name, &seed).await?;
    warn_about_name(log_name, &log_key);
    let mut tasks = vec![store.spawn_sequencer(work.clone()), store.spawn_log_tree(work.clone())];
    let runner = Runner::start(pool.clone(), store.log(), store.head(), REGISTRY).await?;
    let fleet = FleetHandle::start(store.clone());
    let commands = commands.with_foresight(foresight::FromFleet(fleet.clone()));
    let keys = SigningKeys::new(store.keyring().clone());
    let (listening, listen) = watch::channel(false);
    let app = App::new(Parts {
        commands,
        projections: runner.handle(),
        publisher: Publisher::new(fleet.clone(), keys.clone()),
        keys,
        log_key,
        reports: Reports::new(fleet.clone()).with_telemetry_days(options.telemetry_days),
        fleet,
        tokens: access_tokens(&options, store.keyring()).await?,
        feed: Feed::new(pool.clone(), store.log()),
        webhooks: Sender::new(options.settings.webhooks.clone()).map_err(ServeError::Http)?,
        pool,
        http: options.http.clone(),
        random: Arc::clone(&options.random),
        turns: Turns::default(),
        unread: Unread::default(),
        stalled: Stalled::default(),
        rates: Rates::new(options.http.rate_per_address, options.http.rate_per_principal),
        tls: tls.clone(),
        closing: listen.clone(),
    });
    let mut establish = Establish::new(app.clone(), &options);
    let first_admin = establish.run().await?;
    // After the first admin, who may own its clients.
    let wg_easy = match options.wg_easy.clone() {
        Some(wg_easy) => Some(WgEasy::open(app.clone(), wg_easy).await?),
        None => None,
    };
    catch_up(&app, options.pace.establish).await;
    tasks.push(tokio::spawn(tasks::clock(app.commands.clone(), options.pace, work.clone())));
    tasks.push(tokio::spawn(tasks::drains(app.commands.clone(), options.pace, work.clone())));
    let (random, pause) = (Arc::clone(&options.random), options.pace.webhooks);
    tasks.push(tokio::spawn(webhooks::send(app.clone(), random, pause, work.clone())));
    tasks.push(tokio::spawn(tasks::telemetry(app.clone(), options.pace, work.clone())));
    tasks.push(tokio::spawn(tasks::watch(app.clone(), establish, options.pace, work)));

    let scheme = if tls.is_some() { "https" } else { "http" };
    let door = Door::new(listener, tls, options.connections, options.http.trusted_proxies.clone());
    let http = tokio::spawn(door.serve(router(app.clone(), wg_easy), listen));
    let place = database.place.clone();
    let postgres_options = database::embedded_options(&options.database);
    let postgres = database.embedded.take();
    let supervisor = postgres.map(|p| Supervisor::start(p, postgres_options)).transpose()?;
    let base_url = format!("{scheme}://{address}");
    let drain = options.pace.drain;
    tracing::info!(%base_url, data = %place, "NexaVPN answers");
    Ok(Running {
        base_url,
        place,
        first_admin,
        app,
        listening,
        working,
        http,
        tasks,
        runner,
        supervisor,
        drain,
    })
}

impl Running {
    /// The write side.
    #[must_use]
    pub fn commands(&self) -> &Commands {
        &self.app.commands
    }

    /// Reads the certificate again, where there is one. A new one that cannot be used leaves the
    /// old one in place.
    pub fn reload(&self) {
        match self.app.tls.as_ref().map(Tls::reload) {
            Some(Ok(())) => tracing::info!("the TLS certificate has been read again"),
            Some(Err(error)) => tracing::error!(%error, "the TLS certificate stays the old one"),
            None => tracing::info!("there is nothing to read again: TLS is not spoken"),
        }
    }

    /// Why only reads are answered, where that is so.
    #[must_use]
    pub fn read_only(&self) -> Option<String> {
        match self.app.commands.store().guard() {
            Guard::Ok => None,
            Guard::Restored { why } => Some(why),
        }
    }

    /// Completes where the listener ends by itself, which it should not.
    pub async fn ended(&mut self) -> ServeError {
        let ended = (&mut self.http).await;
        let error = match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) => std::io::Error::other("the listener has ended"),
            Err(error) => std::io::Error::other(error),
        };
        ServeError::Http(error)
    }

    /// Stops: takes no more requests, finishes those that run, ends the tasks, and shuts the
    /// embedded database down.
    ///
    /// # Errors
    /// Where the database does not stop.
    pub async fn shutdown(mut self) -> Result<(), ServeError> {
        self.listening.send_replace(true);
        if !self.http.is_finished()
            && tokio::time::timeout(self.drain, &mut self.http).await.is_err()
        {
            tracing::warn!("some requests did not finish in time and are cut off");
            self.http.abort();
        }
        self.working.send_replace(true);
        self.app.fleet.stop();
        drop(self.runner);
        for mut task in self.tasks {
            if tokio::time::timeout(TASK_BOUND, &mut task).await.is_err() {
                task.abort();
            }
        }
        // A connection that somebody forgot must not keep us.
        let _ = tokio::time::timeout(TASK_BOUND, self.app.pool.close()).await;
        if let Some(supervisor) = self.supervisor {
            supervisor.stop().await?;
        }
        tracing::info!("NexaVPN has stopped");
        Ok(())
    }
}

/// Waits, within a bound, until reads answer as of now. Past it `/readyz` says what is missing.
async fn catch_up(app: &App, bound: Duration) {
    let deadline = Instant::now() + bound;
    let (fleet, read_models) = tokio::join!(
        app.fleet.wait_until_live(deadline),
        app.projections.caught_up(deadline.into()),
    );
    if !fleet || read_models.is_err() {
        tracing::warn!("the event stream is still being read: answers may be old for a while");
    }
}

async fn listen(options: &ServeOptions) -> Result<(TcpListener, SocketAddr), ServeError> {
    let address = options.listen;
    let plain = options.tls.is_none() && !options.insecure_http;
    if plain && !address.ip().to_canonical().is_loopback() {
        return Err(ServeError::Insecure { address });
    }
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// A log keeps its name: to those who keep checkpoints another one is another log.
fn warn_about_name(wanted: Option<&str>, key: &LogKey) {
    let verifier = key.verifier();
    if wanted.is_some_and(|wanted| wanted != verifier.name()) {
        tracing::warn!(name = verifier.name(), "the transparency log keeps its first name");
    }
}

/// What an operator should know and that does not keep us from starting.
async fn warn_about(commands: &Commands, database: &Database) -> Result<(), ServeError> {
    let store = commands.store();
    if let Guard::Restored { why } = store.guard() {
        tracing::error!(
            "{why}: only reads are answered, and gateways keep what they have, until \
             `nexavpn restore accept`"
        );
    }
    if store.could_alter_events().await? {
        let hint = if database.has_two_roles() {
            "take the ownership and the rights on `events` from the server's role"
        } else {
            "set NEXAVPN_MIGRATE_URL to the owner and DATABASE_URL to another role"
        };
        tracing::warn!(hint, "the server's database role could alter recorded events");
    }
    Ok(())
}
