//! Puts committed events in their total order and gives them their numbers.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use nexavpn_domain::ids::UserId;
use sqlx::{
    Connection as _, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{
    sync::{Mutex, Notify, watch},
    task::JoinHandle,
    time::{sleep, timeout, timeout_at},
};
use uuid::Uuid;

use crate::{
    Bystanders, Head, Log, Position, Store, StoreError, WaitError,
    append::{Numbers, Prepared, Written},
    fresh::{Fresh, Numbered},
    pending::Pending,
    store::planned_once,
    tail::Tail,
};

/// Told once per batch, for the sequencers and readers of other processes.
const CHANNEL: &str = "nexavpn_log";
/// The fallback where neither a wake nor a notification came.
const POLL: Duration = Duration::from_millis(250);
/// How long an append that nobody waits for may stay without its number, so that the next ones
/// share the work.
const UNHURRIED: Duration = Duration::from_millis(5);
/// The first wait for a committed event that an open transaction still hides.
const HIDDEN: Duration = Duration::from_millis(1);
/// The longest such wait.
const HIDDEN_LONG: Duration = Duration::from_millis(32);
/// Events per batch; a transaction is never split, so a batch may be longer.
const BATCH: i64 = 1000;

// One statement, so that the horizon and the rows are of one snapshot. Below the horizon every
// transaction has ended, or is a bystander's ($4). `won` is the
// compare-and-set: of two sequencers one finds the head moved and inserts nothing. The rows to
// order end with a whole transaction. There is a row for each event that was numbered, or one
// without an event.
const SEQUENCE: &str = "
    WITH head AS MATERIALIZED (
        SELECT idx, gen, tx, pos, effective_time FROM log_head
    ), horizon AS MATERIALIZED (
        SELECT coalesce((SELECT min(open.tx::text::bigint)
                         FROM pg_snapshot_xip(s.present) AS open (tx)
                         WHERE open.tx::text::bigint <> ALL ($4)),
                        pg_snapshot_xmax(s.present)::text::bigint) AS tx
        FROM (SELECT pg_current_snapshot() AS present) s
    ), bound AS MATERIALIZED (
        SELECT c.gen, c.tx FROM (
            SELECT e.gen, e.tx FROM events e
            WHERE (e.gen, e.tx, e.pos) >
                  ((SELECT gen FROM head), (SELECT tx FROM head), (SELECT pos FROM head))
              AND (e.gen, e.tx) <
                  ((SELECT gen FROM store_meta), (SELECT tx FROM horizon))
            ORDER BY e.gen, e.tx, e.pos LIMIT $1
        ) c ORDER BY c.gen DESC, c.tx DESC LIMIT 1
    ), batch AS MATERIALIZED (
        SELECT (SELECT idx FROM head) + row_number() OVER o AS idx, e.gen, e.tx, e.pos,
               e.aggregate_type, e.aggregate_id, e.sequence, e.recorded_at,
               greatest((SELECT effective_time FROM head), max(e.recorded_at) OVER o)
                   AS effective_time
        FROM events e
        WHERE (e.gen, e.tx, e.pos) >
              ((SELECT gen FROM head), (SELECT tx FROM head), (SELECT pos FROM head))
          AND (e.gen, e.tx) <= ((SELECT gen FROM bound), (SELECT tx FROM bound))
        WINDOW o AS (ORDER BY e.gen, e.tx, e.pos)
    ), last AS MATERIALIZED (
        SELECT * FROM batch ORDER BY idx DESC LIMIT 1
    ), won AS (
        UPDATE log_head h
        SET idx = l.idx, gen = l.gen, tx = l.tx, pos = l.pos, effective_time = l.effective_time
        FROM last l, head WHERE h.idx = head.idx
        RETURNING h.idx, h.gen, h.tx, h.pos, pg_notify($2, h.idx::text)
    ), numbered AS (
        INSERT INTO log_index (idx, gen, tx, pos, effective_time)
        SELECT b.idx, b.gen, b.tx, b.pos, b.effective_time FROM batch b
        WHERE EXISTS (SELECT FROM won)
        RETURNING 1
    )
    SELECT r.idx, r.gen, r.tx, r.pos, (SELECT count(*) FROM numbered) AS numbered,
           ARRAY(SELECT k.user_id FROM data_key k WHERE k.user_id = ANY($3)) AS alive,
           b.idx AS event_idx, b.gen AS event_gen, b.tx AS event_tx, b.pos AS event_pos,
           b.aggregate_type, b.aggregate_id, b.sequence, b.recorded_at, b.effective_time,
           EXISTS (SELECT FROM last) AND NOT EXISTS (SELECT FROM won) AS lost,
           coalesce((newest.gen, newest.tx, newest.pos) > (r.gen, r.tx, r.pos), false) AS more
    FROM (SELECT idx, gen, tx, pos FROM won
          UNION ALL
          SELECT idx, gen, tx, pos FROM head WHERE NOT EXISTS (SELECT FROM won)) r
    LEFT JOIN (SELECT gen, tx, pos FROM events ORDER BY gen DESC, tx DESC, pos DESC LIMIT 1) newest
        ON true
    LEFT JOIN batch b ON EXISTS (SELECT FROM won)
    ORDER BY b.idx";

/// What wakes the sequencer and what it tells.
pub(crate) struct Sequencer {
    connect: PgConnectOptions,
    connection: Mutex<Option<PgConnection>>,
    appended: Notify,
    awaited: Notify,
    untold: Notify,
    pending: Pending,
    head: watch::Sender<Head>,
    fresh: Fresh,
    tail: Arc<Tail>,
    bystanders: Bystanders,
}

/// The outcome of one statement.
struct Step {
    numbered: usize,
    /// Another sequencer was faster.
    lost: bool,
    /// Committed events are left: more than a batch, or behind an open transaction.
    more: bool,
}

impl Sequencer {
    pub(crate) fn new(connect: PgConnectOptions, head: Head, log: &Log) -> Self {
        // The order can be derived again after a crash, so nothing waits for the disk. Planning
        // takes ten times as long as a step. The statement walks indexes from where the log ends;
        // the planner cannot know that place and is kept from reading whole tables.
        let connect = planned_once(connect)
            .options([
                ("synchronous_commit", "off"),
                ("enable_seqscan", "off"),
                ("enable_bitmapscan", "off"),
            ])
            .application_name("nexavpn sequencer");
        Self {
            connect,
            connection: Mutex::default(),
            appended: Notify::new(),
            awaited: Notify::new(),
            untold: Notify::new(),
            pending: Pending::default(),
            head: watch::Sender::new(head),
            fresh: Fresh::default(),
            tail: log.tail(),
            bystanders: log.bystanders(),
        }
    }

    /// This was appended by this process. Answers where.
    pub(crate) fn appended(&self, written: Written, appends: Vec<Arc<Prepared>>) -> Position {
        let Written { position, numbers } = written;
        self.pending.committed(position);
        if let Some(Numbers { head, events, alive }) = numbers {
            // Whatever came before it had its number.
            self.fresh.forget_before(position);
            self.fresh.put(position, appends);
            self.tail_is(&events, &self.fresh.owners(), &alive);
            self.head_is(head);
            self.untold.notify_one();
        } else {
            self.fresh.put(position, appends);
            self.appended.notify_one();
        }
        position
    }

    /// Whom the order need not wait for.
    pub(crate) const fn bystanders(&self) -> &Bystanders {
        &self.bystanders
    }

    /// These are the next events, as far as they are at hand here. Before anybody learns of them.
    fn tail_is(&self, events: &[Numbered], asked: &[UserId], alive: &HashSet<UserId>) {
        let asked = asked.iter().copied().collect();
        if let Some(events) = self.fresh.events(events, &asked, alive) {
            self.tail.offer(events);
        }
    }

    fn head_is(&self, head: Head) {
        self.fresh.forget_up_to(head.position());
        self.head.send_if_modified(|present| {
            let newer = head.idx > present.idx;
            if newer {
                *present = head;
            }
            newer
        });
    }

    /// Tells other processes of the numbers that appends give, not of each: a transaction that
    /// notifies is one that appends would have to wait for, and so leave their numbers to us.
    async fn tell_others(&self, mut shutdown: watch::Receiver<bool>) {
        while !*shutdown.borrow() {
            tokio::select! {
                () = self.untold.notified() => {}
                changed = shutdown.changed() => {
                    if changed.is_err() { return; }
                    continue;
                }
            }
            sleep(UNHURRIED).await;
            if let Err(error) = self.tell().await {
                tracing::debug!(%error, "other processes are not told of new numbers");
            }
        }
    }

    async fn tell(&self) -> Result<(), sqlx::Error> {
        let idx = self.head.borrow().idx;
        let mut slot = self.connection.lock().await;
        let mut conn = self.take(&mut slot).await?;
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(idx.to_string())
            .execute(&mut conn)
            .await?;
        *slot = Some(conn);
        Ok(())
    }

    /// Taken out, so that a connection that fails, or whose caller goes away, is not used again.
    async fn take(&self, slot: &mut Option<PgConnection>) -> Result<PgConnection, sqlx::Error> {
        match slot.take() {
            Some(conn) => Ok(conn),
            None => PgConnection::connect_with(&self.connect).await,
        }
    }

    /// Somebody knows of numbers that this process has not seen.
    fn look(&self) {
        self.awaited(Position { generation: i16::MAX, tx: i64::MAX });
    }

    /// Somebody waits for it.
    fn awaited(&self, position: Position) {
        self.pending.awaited(position);
        self.awaited.notify_one();
    }

    /// Whether something that this process knows of may have no number yet.
    fn has_work(&self) -> bool {
        self.pending.beyond(self.head.borrow().position())
    }

    async fn step(&self) -> Result<Step, sqlx::Error> {
        let mut slot = self.connection.lock().await;
        let mut conn = self.take(&mut slot).await?;
        self.pending.begin_step();
        let owners = self.fresh.owners();
        let rows = sqlx::query(SEQUENCE)
            .bind(BATCH)
            .bind(CHANNEL)
            .bind(owners.iter().map(|owner| owner.0).collect::<Vec<_>>())
            .bind(self.bystanders.list())
            .fetch_all(&mut conn)
            .await?;
        *slot = Some(conn);
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let numbered = usize::try_from(row.try_get::<i64, _>("numbered")?).unwrap_or(0);
        let head = Head::from_row(row)?;
        self.tail.ends_at(head.idx - i64::try_from(numbered).unwrap_or(0));
        if numbered > 0 {
            let alive: Vec<Uuid> = row.try_get("alive")?;
            let alive = alive.into_iter().map(UserId).collect();
            let events = rows.iter().map(Numbered::from_row).collect::<Result<Vec<_>, _>>()?;
            self.tail_is(&events, &owners, &alive);
        }
        self.head_is(head);
        Ok(Step { numbered, lost: row.try_get("lost")?, more: row.try_get("more")? })
    }

    async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        let mut listener = None;
        let mut hidden = HIDDEN;
        let mut failed = false;
        while !*shutdown.borrow() {
            if listener.is_none() {
                listener = listen(&self.connect).await.ok();
            }
            let pause = match self.step().await {
                Ok(step) => {
                    if failed {
                        tracing::info!("the sequencer reaches the database again");
                        failed = false;
                    }
                    if step.numbered > 0 {
                        hidden = HIDDEN;
                    }
                    match step {
                        Step { lost: true, .. } => continue,
                        Step { numbered, more: true, .. } if numbered > 0 => continue,
                        Step { more: true, .. } => {
                            let pause = hidden;
                            hidden = (hidden * 2).min(HIDDEN_LONG);
                            pause
                        }
                        Step { .. } => POLL,
                    }
                }
                Err(error) => {
                    if !failed {
                        tracing::warn!(%error, "the sequencer cannot reach the database");
                        failed = true;
                    }
                    POLL
                }
            };
            let next = sleep(pause);
            tokio::pin!(next);
            // A wake-up does not shorten the wait for a hidden event by much, nor need it.
            loop {
                tokio::select! {
                    () = self.appended.notified() => if self.has_work() {
                        // Elapsed or awaited, it is time.
                        drop(timeout(UNHURRIED, self.awaited.notified()).await);
                        break;
                    },
                    () = self.awaited.notified() => if self.has_work() { break },
                    () = &mut next => break,
                    alive = notified(&mut listener, &self.head) => {
                        if !alive { listener = None; }
                        break;
                    }
                    changed = shutdown.changed() => {
                        if changed.is_err() { return; }
                        break;
                    }
                }
            }
        }
    }
}

async fn listen(connect: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(connect.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Waits until another process tells of a number that we have not seen; false where the
/// connection broke.
async fn notified(listener: &mut Option<PgListener>, head: &watch::Sender<Head>) -> bool {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        let Ok(Some(told)) = listener.try_recv().await else { return false };
        let idx: Option<i64> = told.payload().parse().ok();
        if idx.is_none_or(|idx| idx > head.borrow().idx) {
            return true;
        }
    }
}

impl Store {
    /// Starts the sequencer; it ends when `shutdown` becomes true or its sender goes. Any number
    /// may run, in one process or several.
    #[must_use]
    pub fn spawn_sequencer(&self, shutdown: watch::Receiver<bool>) -> JoinHandle<()> {
        let sequencer = Arc::clone(self.sequencer());
        tokio::spawn(async move {
            tokio::join!(sequencer.run(shutdown.clone()), sequencer.tell_others(shutdown));
        })
    }

    /// Puts in order all that can be now; answers how many events this call has numbered.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sequence_once(&self) -> Result<usize, StoreError> {
        let mut numbered = 0;
        loop {
            let step = self.sequencer().step().await?;
            numbered += step.numbered;
            if !step.lost && (step.numbered == 0 || !step.more) {
                return Ok(numbered);
            }
        }
    }

    /// The head of the log, followed as long as a sequencer runs.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<Head> {
        self.sequencer().head.subscribe()
    }

    /// Looks for this number, of which somebody else knows, if this process has not seen it.
    pub fn look_for(&self, idx: i64) {
        if self.sequencer().head.borrow().idx < idx {
            self.sequencer().look();
        }
    }

    /// Waits until the events of `position` have their numbers; answers how far the order reached
    /// then, which is at least the number of the last one.
    ///
    /// # Errors
    /// [`WaitError::Elapsed`] where the deadline comes first.
    pub async fn wait_sequenced(
        &self,
        position: Position,
        deadline: Instant,
    ) -> Result<i64, WaitError> {
        let mut head = self.head();
        if head.borrow().position() < position {
            self.sequencer().awaited(position);
        }
        let reached = head.wait_for(|head| head.position() >= position);
        let reached = timeout_at(deadline.into(), reached).await;
        let reached = *reached
            .map_err(|_| WaitError::Elapsed)?
            // The sender lives as long as the store.
            .map_err(|_| WaitError::Elapsed)?;
        Ok(reached.idx)
    }
}
