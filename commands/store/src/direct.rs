//! Connections for the statements that run with every request.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::{
    StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Connection as _, Describe, Either, Execute, Executor, PgConnection, Postgres,
    postgres::{PgConnectOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::store::by_index;

/// A connection that has been idle for longer is tried before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How long to wait for a connection; as long as the pool's callers do.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between attempts to connect to a PostgreSQL that is being started.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A few connections besides the pool, of which the one used last is used next: so most of the work
/// is done by few, whose plans are made and whose caches are warm, while the pool goes round all that
/// it has. Nor are they asked how they are after each use, which costs the pool one journey more. Every
/// statement has to find its rows by an index ([`by_index`]).
///
/// Used like a pool, `.fetch_optional(&direct)`; not for transactions. Cheap to clone.
#[derive(Clone)]
pub struct Direct(Arc<Inner>);

struct Inner {
    /// How many may be in use at once.
    permits: Semaphore,
    spare: Spare,
}

/// Connections that nobody uses for the moment, of one kind. The one that was used last is taken
/// first.
pub(crate) struct Spare {
    connect: PgConnectOptions,
    idle: Mutex<Vec<(PgConnection, Instant)>>,
}

impl Spare {
    /// None yet. Their statements have to find their rows by an index, one after the other: a bitmap
    /// goes back to every row that was ever there until the next VACUUM, where an index that is read in
    /// its order forgets those that are gone. (The free addresses of a busy pool were read in 25 ms.)
    pub(crate) fn new(connect: PgConnectOptions) -> Self {
        let connect = by_index(connect).options([("enable_bitmapscan", "off")]);
        Self { connect, idle: Mutex::default() }
    }

    /// One of them, or a new one.
    pub(crate) async fn take(&self) -> Result<PgConnection, sqlx::Error> {
        loop {
            let idle = self.idle().pop();
            match idle {
                None => return PgConnection::connect_with(&self.connect).await,
                Some((conn, used)) if used.elapsed() < TRUSTED_FOR => return Ok(conn),
                Some((mut conn, _)) => {
                    if conn.ping().await.is_ok() {
                        return Ok(conn);
                    }
                }
            }
        }
    }

    /// For the next one. What is not sound is dropped instead.
    pub(crate) fn put_back(&self, conn: PgConnection) {
        self.idle().push((conn, Instant::now()));
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(PgConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Direct(..)")
    }
}

impl Direct {
    /// At most so many connections; each is made when it is needed.
    #[must_use]
    pub fn new(connect: PgConnectOptions, most: usize) -> Self {
        Self(Arc::new(Inner { permits: Semaphore::new(most), spare: Spare::new(connect) }))
    }

    /// Does something with a connection. One on which it failed, or was given up, is closed instead of
    /// being used again, but for what the database itself refused.
    ///
    /// # Errors
    /// Where there is no connection; as what is done.
    pub async fn with<T, F>(&self, work: F) -> Result<T, sqlx::Error>
    where
        F: AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    {
        let ready = async {
            // The semaphore is never closed.
            let permit = self.0.permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
            Ok((permit, self.connection().await?))
        };
        let ready = timeout(PATIENCE, ready).await;
        let (_permit, mut conn) = ready.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
        let done = work(&mut conn).await;
        if done.as_ref().err().is_none_or(is_sound) {
            self.0.spare.put_back(conn);
        }
        done
    }

    /// Where PostgreSQL is just being started, its callers wait for it as the pool's do.
    async fn connection(&self) -> Result<PgConnection, sqlx::Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.0.spare.take().await {
                Err(error) if is_starting(&error) => sleep(pause).await,
                outcome => return outcome,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(e) => e.kind() == std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(e) => e.is_transient_in_connect_phase(),
        _ => false,
    }
}

/// Whether a connection is as good as before after a failure: the database refused something, and goes
/// on. The classes are connection, operator intervention and system.
fn is_sound(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::RowNotFound => true,
        sqlx::Error::Database(e) => {
            let ends = |code: &str| ["08", "57", "58"].iter().any(|class| code.starts_with(class));
            !e.code().is_some_and(|code| ends(&code))
        }
        _ => false,
    }
}

impl<'p> Executor<'p> for &Direct {
    type Database = Postgres;

    // All rows are read before the first is given: the connection is free again by then.
    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let direct = self.clone();
        let all = async move {
            direct
                .with(async move |conn| conn.fetch_many(query).try_collect::<Vec<_>>().await)
                .await
        };
        stream::once(all)
            .map_ok(|rows| stream::iter(rows.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let direct = self.clone();
        Box::pin(
            async move { direct.with(async move |conn| conn.fetch_optional(query).await).await },
        )
    }

    fn prepare_with<'e, 'q: 'e>(
        self,
        sql: &'q str,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement<'q>, sqlx::Error>>
    where
        'p: 'e,
    {
        let direct = self.clone();
        Box::pin(async move {
            direct.with(async move |conn| conn.prepare_with(sql, parameters).await).await
        })
    }

    fn describe<'e, 'q: 'e>(
        self,
        sql: &'q str,
    ) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        let direct = self.clone();
        Box::pin(async move { direct.with(async move |conn| conn.describe(sql).await).await })
    }
}
