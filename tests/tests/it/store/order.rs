//! The total order: dense, complete, and the same whoever makes it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use nexavpn_domain::{
    DomainError,
    group::{Group, GroupCommand},
};
use nexavpn_store::{
    AppendError, Options, SideRow, SideRowError, Store, WaitError, horizon, verify,
};
use nexavpn_tests::harness::{OwnServer, TestDb, WIDE, poll_until};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{append, command, create_group, decided, group, id, open, open_with, sequencing};

struct Refusing;

#[async_trait]
impl SideRow for Refusing {
    async fn write(&self, _: &mut PgConnection) -> Result<(), SideRowError> {
        Err(DomainError::conflict("no", "no").into())
    }
}

/// 25 appends to a few groups, every fifth rolled back after its events were inserted; answers
/// those that were acknowledged.
async fn write(store: Store, writer: usize, groups: Vec<Uuid>) -> usize {
    let mut acknowledged = 0;
    for n in 0..25 {
        if n % 5 == 4 {
            let stream =
                decided::<Group>(&store, id(), create_group(&format!("{writer}-{n}"))).await;
            let refused = store.append(append(vec![stream]).with_row(Refusing)).await;
            assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
            continue;
        }
        let change = GroupCommand::Change {
            name: None,
            description: Some(format!("by {writer}, {n}")),
            members: None,
        };
        loop {
            let group = groups[(writer + n) % groups.len()];
            match command::<Group>(&store, group, change.clone()).await {
                Ok(_) => break,
                Err(AppendError::Sequence) => {}
                Err(e) => panic!("{e}"),
            }
        }
        acknowledged += 1;
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_32_writers_and_two_sequencers_every_event_is_numbered_once() {
    for coalesce in [true, false] {
        let server = OwnServer::start(false).await;
        let pool = server.pool();
        let options = Options { coalesce, ..Options::default() };
        let store = open_with(&pool, options.clone()).await;
        let other = open_with(&pool, options).await;
        let _running = (sequencing(&store), sequencing(&other));
        let mut groups = Vec::new();
        for n in 0..16 {
            groups.push(id());
            command::<Group>(&store, groups[n], create_group(&format!("g{n}"))).await.unwrap();
        }
        let writers = (0..32).map(|n| {
            let store = if n % 2 == 0 { store.clone() } else { other.clone() };
            tokio::spawn(write(store, n, groups.clone()))
        });
        let written = futures::future::join_all(writers).await;
        let committed = 16 + written.into_iter().map(Result::unwrap).sum::<usize>();
        for store in [&store, &other] {
            let head = store.head();
            poll_until(WIDE, || async { head.borrow().idx == committed as i64 }).await;
        }

        // Read by small steps, as a projection does.
        let mut seen = 0;
        let mut sequences: HashMap<String, i64> = HashMap::new();
        let mut effective = None;
        loop {
            let batch = store.log().read(seen, 97).await.unwrap();
            if batch.is_empty() {
                break;
            }
            for event in batch {
                seen += 1;
                assert_eq!(event.idx, seen);
                let sequence = sequences.entry(event.aggregate_id).or_default();
                *sequence += 1;
                assert_eq!(event.sequence, *sequence);
                assert!(effective.is_none_or(|t| t <= event.effective_time));
                effective = Some(event.effective_time);
            }
        }
        assert_eq!(seen, committed as i64);
        let stored: i64 =
            sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&pool).await.unwrap();
        assert_eq!(stored, committed as i64);
        let report = verify(&pool, store.keyring()).await.unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_open_transaction_in_any_database_holds_the_order_back_and_is_named() {
    let server = OwnServer::start(false).await;
    let pool = server.pool();
    let store = open(&pool).await;
    let foreign = sqlx::PgPool::connect(&server.superuser_url("postgres")).await.unwrap();
    let mut stalled = foreign.begin().await.unwrap();
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut *stalled).await.unwrap();
    group(&store, "early").await.unwrap();
    let position = group(&store, "late").await.unwrap();
    assert_eq!(store.sequence_once().await.unwrap(), 0);

    let superuser = sqlx::PgPool::connect(&server.superuser_url("nexavpn")).await.unwrap();
    let oldest = horizon(&superuser).await.unwrap().unwrap();
    assert_eq!(oldest.database.as_deref(), Some("postgres"));
    assert!(oldest.behind >= 1);

    let _running = sequencing(&store);
    let waited = store.wait_sequenced(position, Instant::now() + Duration::from_millis(50)).await;
    assert!(matches!(waited, Err(WaitError::Elapsed)), "{waited:?}");
    stalled.rollback().await.unwrap();
    let idx = store.wait_sequenced(position, Instant::now() + WIDE).await.unwrap();
    assert_eq!(idx, 2);
    assert_eq!(horizon(&superuser).await.unwrap(), None);
}

#[tokio::test]
async fn a_transaction_that_appends_nothing_holds_nothing_back_once_it_is_known() {
    let server = OwnServer::start(false).await;
    let pool = server.pool();
    let store = open(&pool).await;
    let (mut known, mut unknown) = (pool.begin().await.unwrap(), pool.begin().await.unwrap());
    let sql = "SELECT pg_current_xact_id()::text::bigint";
    let folding: i64 = sqlx::query_scalar(sql).fetch_one(&mut *known).await.unwrap();
    let bystander = store.log().bystanders().add(folding);
    group(&store, "before the unknown one").await.unwrap();
    assert_eq!(store.head().borrow().idx, 1);
    let _: i64 = sqlx::query_scalar(sql).fetch_one(&mut *unknown).await.unwrap();
    group(&store, "after it").await.unwrap();
    assert_eq!(store.sequence_once().await.unwrap(), 0);
    unknown.rollback().await.unwrap();
    assert_eq!(store.sequence_once().await.unwrap(), 1);
    // As soon as nobody vouches for it, it may be anything.
    drop(bystander);
    group(&store, "last").await.unwrap();
    assert_eq!(store.sequence_once().await.unwrap(), 0);
    known.rollback().await.unwrap();
    assert_eq!(store.sequence_once().await.unwrap(), 1);
}

/// Appends give their events their numbers, but never before what may come to lie before them.
#[tokio::test]
async fn appends_number_their_own_events_where_nothing_stands_in_the_way() {
    let server = OwnServer::start(false).await;
    let pool = server.pool();
    let store = open(&pool).await;
    let numbered = || store.head().borrow().idx;
    let sql = "SELECT pg_current_xact_id()::text::bigint";
    let begin = async || {
        let mut open = pool.begin().await.unwrap();
        let tx: i64 = sqlx::query_scalar(sql).fetch_one(&mut *open).await.unwrap();
        (open, tx)
    };
    group(&store, "alone").await.unwrap();
    assert_eq!(numbered(), 1);

    // The newest transaction of all, and one below one that has ended.
    let (newest, tx) = begin().await;
    let bystander = store.log().bystanders().add(tx);
    group(&store, "beside a bystander").await.unwrap();
    assert_eq!(numbered(), 2);
    let (ended, _) = begin().await;
    ended.rollback().await.unwrap();
    group(&store, "beside an older one").await.unwrap();
    assert_eq!(numbered(), 3);
    drop((newest, bystander));

    // Nobody vouches for it: first as the newest, then as an older one.
    let (unknown, _) = begin().await;
    group(&store, "after an unknown one").await.unwrap();
    let (ended, _) = begin().await;
    ended.rollback().await.unwrap();
    group(&store, "after it, too").await.unwrap();
    assert_eq!(numbered(), 3);
    unknown.rollback().await.unwrap();
    // What is left behind is first.
    group(&store, "not yet").await.unwrap();
    assert_eq!(numbered(), 3);
    assert_eq!(store.sequence_once().await.unwrap(), 3);
    group(&store, "alone again").await.unwrap();
    assert_eq!(numbered(), 7);

    // Whoever holds the head is not waited for.
    let mut holder = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM log_head FOR UPDATE").execute(&mut *holder).await.unwrap();
    group(&store, "beside another one who numbers").await.unwrap();
    assert_eq!(numbered(), 7);
    holder.rollback().await.unwrap();
    assert_eq!(store.sequence_once().await.unwrap(), 1);
    assert_eq!(verify(&pool, store.keyring()).await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test]
async fn the_head_follows_what_other_processes_number() {
    let db = TestDb::new().await;
    let (writing, reading) = (open(&db.pool).await, open(&db.pool).await);
    let _running = (sequencing(&reading), sequencing(&writing));
    for n in 1..=3 {
        let position = group(&writing, &format!("g{n}")).await.unwrap();
        let deadline = Instant::now() + WIDE;
        assert_eq!(writing.wait_sequenced(position, deadline).await.unwrap(), 2 * n - 1);
        assert_eq!(reading.wait_sequenced(position, deadline).await.unwrap(), 2 * n - 1);
        // By its number alone.
        let position = group(&writing, &format!("h{n}")).await.unwrap();
        let idx = writing.wait_sequenced(position, deadline).await.unwrap();
        let mut head = reading.head();
        reading.look_for(idx);
        tokio::time::timeout(WIDE, head.wait_for(|head| head.idx >= idx)).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_time_names_a_prefix_of_the_log() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let log = store.log();
    assert_eq!(log.idx_at(chrono::Utc::now()).await.unwrap(), 0);
    for n in 0..23 {
        group(&store, &format!("g{n}")).await.unwrap();
    }
    poll_until(WIDE, || async {
        store.sequence_once().await.unwrap();
        store.head().borrow().idx == 23
    })
    .await;
    let events = log.read(0, 100).await.unwrap();
    assert_eq!(events.len(), 23);
    assert_eq!(
        log.idx_at(events[0].effective_time - chrono::TimeDelta::microseconds(1)).await.unwrap(),
        0
    );
    for event in &events {
        let last = events.iter().filter(|e| e.effective_time <= event.effective_time).count();
        assert_eq!(log.idx_at(event.effective_time).await.unwrap(), last as i64);
    }
    let later = events[22].effective_time + chrono::TimeDelta::hours(1);
    assert_eq!(log.idx_at(later).await.unwrap(), 23);
    assert_eq!(log.head().await.unwrap(), *store.head().borrow());
}
