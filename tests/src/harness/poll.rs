//! Waiting for something to become true.

use std::fmt::Write;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

/// A wide bound: a test that waits this long has failed, on the slowest machine.
pub const WIDE: Duration = Duration::from_secs(30);

const STEP: Duration = Duration::from_millis(10);

/// Superuser URLs of the servers this process uses, to be asked when a wait runs out.
static SERVERS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Waits until `condition` holds; panics when it does not within `bound`, and then prints the
/// transactions that are open in the servers of this test.
#[track_caller]
pub fn poll_until<C, F>(bound: Duration, mut condition: C) -> impl Future<Output = ()>
where
    C: FnMut() -> F,
    F: Future<Output = bool>,
{
    poll_for(bound, move || {
        let holds = condition();
        async move { holds.await.then_some(()) }
    })
}

/// Waits until `attempt` answers something; panics when it does not within `bound`.
#[track_caller]
pub fn poll_for<T, C, F>(bound: Duration, mut attempt: C) -> impl Future<Output = T>
where
    C: FnMut() -> F,
    F: Future<Output = Option<T>>,
{
    let place = Location::caller();
    async move {
        let deadline = Instant::now() + bound;
        loop {
            if let Some(answer) = attempt().await {
                return answer;
            }
            if Instant::now() >= deadline {
                let open = open_transactions().await;
                panic!("the condition at {place} did not hold within {bound:?}\n{open}");
            }
            sleep(STEP).await;
        }
    }
}

/// Remembers a server for [`open_transactions`].
pub(super) fn remember(superuser_url: String) {
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    if !servers.contains(&superuser_url) {
        servers.push(superuser_url);
    }
}

pub(super) fn forget(superuser_url: &str) {
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers.retain(|known| known != superuser_url);
}

/// The open transactions of every known server, of all its databases: one that belongs to
/// another test may be what held the condition up.
async fn open_transactions() -> String {
    let servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut report = String::new();
    for server in servers {
        let found = match list(&server).await {
            Ok(lines) if lines.is_empty() => vec!["(none)".to_owned()],
            Ok(lines) => lines,
            Err(error) => vec![format!("cannot be asked: {error}")],
        };
        // Writing to a string cannot fail.
        let _ = writeln!(report, "open transactions of {server}:");
        for line in found {
            let _ = writeln!(report, "    {line}");
        }
    }
    report
}

async fn list(server: &str) -> sqlx::Result<Vec<String>> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::query_scalar(
        "SELECT format('%s, process %s, %s, xid %s, open for %s: %s', datname, pid, state, \
                coalesce(backend_xid::text, '-'), clock_timestamp() - xact_start, \
                left(query, 120)) \
         FROM pg_stat_activity \
         WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND datname IS NOT NULL \
         ORDER BY xact_start",
    )
    .fetch_all(&mut connection)
    .await
}
