//! The store as its users hold it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use nexavpn_domain::{Decider, occasion::Occasion};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use crate::{
    Append, AppendError, Direct, EventId, Guard, Head, Keyring, Log, Position, StoreError,
    append::{
        End, Prepared, Queue, Terms, find_causes, latest_stored, write_alone, write_rows_alone,
    },
    guard::Standing,
    load::Loader,
    migrate,
    sequencer::Sequencer,
    slots::{Ahead, Reservations, reservations},
};

/// How the store works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether concurrent appends share transactions.
    pub coalesce: bool,
    /// How many shared transactions may run at once.
    pub committers: usize,
    /// How many appends may share one.
    pub max_batch: usize,
    /// How long a released address rests.
    pub rest: Duration,
    /// How long to wait for the outcome of other commands before a pool counts as exhausted.
    pub exhausted_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            coalesce: true,
            committers: 1,
            max_batch: 64,
            rest: Duration::from_secs(3600),
            exhausted_wait: Duration::from_secs(5),
        }
    }
}

/// The event store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    pool: PgPool,
    keyring: Keyring,
    log: Log,
    loader: Loader,
    options: Options,
    queue: Arc<Queue>,
    sequencer: Arc<Sequencer>,
    reservations: Reservations,
    ahead: Arc<Ahead>,
    standing: RwLock<Standing>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("guard", &self.guard()).finish_non_exhaustive()
    }
}

/// An aggregate as loaded.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    /// Its state; the default one where it has no events.
    pub state: A,
    /// The number of its last event; 0 where it has none.
    pub sequence: u64,
}

/// A pool for the server: a connection is tried before use only after it was idle, and a
/// transaction that we forgot cannot hold back the order of events for long.
#[must_use]
pub fn pool(connect: PgConnectOptions, max_connections: u32) -> PgPool {
    let connect = connect
        .application_name("nexavpn")
        .options([("idle_in_transaction_session_timeout", "10s")]);
    PgPoolOptions::new()
        .max_connections(max_connections)
        .test_before_acquire(false)
        .before_acquire(|conn, idle| {
            Box::pin(async move {
                use sqlx::Connection as _;
                Ok(idle.idle_for < Duration::from_secs(1) || conn.ping().await.is_ok())
            })
        })
        .connect_lazy_with(connect)
}

/// For a connection that runs few statements over and over: each is planned once, since its
/// best plan never depends on the values, and never compiled.
pub(crate) fn planned_once(connect: PgConnectOptions) -> PgConnectOptions {
    connect.options([("plan_cache_mode", "force_generic_plan"), ("jit", "off")])
}

/// For a connection whose every statement finds its rows by an index. It is planned once, for tables
/// of any size: a plan from when they were small, kept for as long as the connection, would read
/// whole ones, or keep a whole index at hand for a join.
#[must_use]
pub fn by_index(connect: PgConnectOptions) -> PgConnectOptions {
    planned_once(connect).options([
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("enable_material", "off"),
    ])
}

impl Store {
    /// Opens the store over a migrated database. Starts nothing.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn open(
        pool: PgPool,
        keyring: Keyring,
        options: Options,
    ) -> Result<Self, StoreError> {
        let standing = Standing::read(&pool).await?;
        let head = Head::read(&pool).await?;
        let connect = PgConnectOptions::clone(&pool.connect_options());
        let log = Log::new(pool.clone(), keyring.clone());
        let sequencer = Arc::new(Sequencer::new(connect.clone(), head, &log));
        let ahead = Arc::<Ahead>::default();
        let queue = Arc::new(Queue::new(connect, options.clone(), Arc::clone(&sequencer)));
        Ok(Self(Arc::new(Inner {
            log,
            loader: Loader::new(&keyring),
            queue,
            sequencer,
            reservations: reservations(keyring.direct().clone(), Arc::clone(&ahead)),
            ahead,
            standing: RwLock::new(standing),
            pool,
            keyring,
            options,
        })))
    }

    /// How many appends wait for a commit.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.queue.len()
    }

    /// Loads an aggregate.
    ///
    /// # Errors
    /// Where the database fails or an event cannot be read.
    pub async fn load<A: Decider>(&self, id: Uuid) -> Result<Loaded<A>, StoreError> {
        self.0.loader.load(id).await
    }

    /// The event of an aggregate that made something necessary which other aggregates do.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn occasion<A: Decider>(
        &self,
        id: Uuid,
        occasion: &Occasion,
    ) -> Result<Option<EventId>, StoreError> {
        let found = latest_stored(&self.0.pool, A::TYPE, id, occasion).await?;
        Ok(found.map(|sequence| EventId {
            aggregate_type: A::TYPE.to_owned(),
            aggregate_id: id.to_string(),
            sequence,
        }))
    }

    /// Commits an append, all or nothing.
    ///
    /// # Errors
    /// Why it was not committed.
    pub async fn append(&self, append: Append) -> Result<Position, AppendError> {
        let gateways: Vec<_> = append.reservations.iter().map(|r| r.gateway.0).collect();
        let appended = self.commit(append).await;
        if let Err(AppendError::ReservationLost) = appended {
            gateways.into_iter().for_each(|gateway| self.0.ahead.forget_all(gateway));
        }
        appended
    }

    async fn commit(&self, mut append: Append) -> Result<Position, AppendError> {
        self.accepted().await?;
        find_causes(&self.0.pool, &mut append.streams).await?;
        let forgotten = append.forget.clone();
        let prepared = Arc::new(Prepared::new(append, &self.0.keyring).await?);
        if prepared.rows.is_empty() {
            return self.append_nothing(&prepared).await;
        }
        let shared = if self.0.options.coalesce && prepared.company().is_some() {
            self.0.queue.submit(Arc::clone(&prepared)).await?
        } else {
            None
        };
        if let Some(position) = shared {
            return Ok(position);
        }
        let mut conn = self.0.pool.acquire().await?;
        let rest = self.0.options.rest;
        let terms = Terms { rest, bystanders: self.0.sequencer.bystanders() };
        let written = write_alone(&mut conn, &prepared, terms, End::Commit).await?;
        self.0.keyring.forget(&forgotten);
        Ok(self.0.sequencer.appended(written, vec![prepared]))
    }

    /// Goes through an append up to its commit, and then takes everything back: whatever would
    /// refuse it refuses it, and nothing is stored.
    ///
    /// # Errors
    /// Why it would not be committed.
    pub async fn rehearse(&self, append: Append) -> Result<(), AppendError> {
        self.accepted().await?;
        let prepared = Prepared::new(append, &self.0.keyring).await?;
        if prepared.rows.is_empty() {
            return Ok(());
        }
        let mut conn = self.0.pool.acquire().await?;
        let rest = self.0.options.rest;
        let terms = Terms { rest, bystanders: self.0.sequencer.bystanders() };
        write_alone(&mut conn, &prepared, terms, End::RollBack).await?;
        Ok(())
    }

    /// The command changed nothing that is an event: the present is all there is to wait for.
    async fn append_nothing(&self, prepared: &Prepared) -> Result<Position, AppendError> {
        let mut conn = self.0.pool.acquire().await?;
        write_rows_alone(&mut conn, prepared).await?;
        drop(conn);
        Ok(Head::read(&self.0.pool).await?.position())
    }

    async fn accepted(&self) -> Result<(), AppendError> {
        if self.guard() == Guard::Ok {
            return Ok(());
        }
        // Perhaps it has been accepted since.
        match self.refresh_guard().await? {
            Guard::Ok => Ok(()),
            Guard::Restored { why } => Err(AppendError::NotAccepted(why)),
        }
    }

    /// Whether the store may be written to, as last looked at.
    #[must_use]
    pub fn guard(&self) -> Guard {
        self.standing().guard
    }

    /// Looks again.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refresh_guard(&self) -> Result<Guard, StoreError> {
        let standing = Standing::read(&self.0.pool).await?;
        let guard = standing.guard.clone();
        *self.0.standing.write().unwrap_or_else(PoisonError::into_inner) = standing;
        Ok(guard)
    }

    /// The Unix time at which this history began or was last accepted.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.standing().epoch
    }

    /// The generation of new events.
    #[must_use]
    pub fn generation(&self) -> i16 {
        self.standing().generation
    }

    /// Whether this role could alter events, which a server should not.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn could_alter_events(&self) -> Result<bool, StoreError> {
        let mut conn = self.0.pool.acquire().await?;
        Ok(migrate::could_alter_events(&mut conn).await?)
    }

    /// The log's reader.
    #[must_use]
    pub fn log(&self) -> Log {
        self.0.log.clone()
    }

    /// The keys.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// The database, for the statements that run with every request.
    #[must_use]
    pub fn direct(&self) -> &Direct {
        self.0.keyring.direct()
    }

    /// The database.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn sequencer(&self) -> &Arc<Sequencer> {
        &self.0.sequencer
    }

    pub(crate) fn ahead(&self) -> &Ahead {
        &self.0.ahead
    }

    pub(crate) fn reservations(&self) -> &Reservations {
        &self.0.reservations
    }

    fn standing(&self) -> Standing {
        self.0.standing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
