//! A restored cluster counts its transactions anew, and must not be written to unawares.

use std::{path::PathBuf, process::Command};

use nexavpn_domain::values::Role;
use nexavpn_store::{AppendError, Guard, restore_accept, verify};
use nexavpn_tests::harness::{OwnServer, TestDb, WIDE, poll_until};

use super::{group, open, sequencing, user};

/// A PostgreSQL client program, of the newest version installed.
fn program(name: &str) -> Command {
    let dir = std::env::var_os("NEXAVPN_PG_BIN").map(PathBuf::from).unwrap_or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
        let newest = versions
            .filter_map(|v| v.unwrap().file_name().to_str()?.parse::<u32>().ok())
            .max()
            .unwrap();
        PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"))
    });
    Command::new(dir.join(name))
}

#[tokio::test]
async fn a_restored_dump_takes_writes_only_once_it_is_accepted() {
    let old_server = OwnServer::start(false).await;
    let old_pool = old_server.pool();
    let old = open(&old_pool).await;
    // The new cluster's transactions will have smaller numbers than the old events.
    for _ in 0..500 {
        sqlx::query("SELECT pg_current_xact_id()").execute(&old_pool).await.unwrap();
    }
    user(&old, "ann", Role::Admin).await;
    for n in 0..5 {
        group(&old, &format!("before {n}")).await.unwrap();
    }
    assert_eq!(old.head().borrow().idx, 6);
    // One without a number.
    let mut open_one = old_pool.begin().await.unwrap();
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut *open_one).await.unwrap();
    group(&old, "unseen").await.unwrap();
    assert_eq!(old.head().borrow().idx, 6);
    assert_eq!(old.guard(), Guard::Ok);
    let dump = old_server.scratch_dir().join("dump");
    let mut dumping = program("pg_dump");
    dumping.arg("-Fc").arg("-f").arg(&dump).arg(old_server.superuser_url("nexavpn"));
    assert!(dumping.status().unwrap().success());
    open_one.rollback().await.unwrap();

    let server = OwnServer::start_empty(false, &[]).await;
    let mut restoring = program("pg_restore");
    restoring.arg("-d").arg(server.superuser_url("nexavpn")).arg("--exit-on-error").arg(&dump);
    assert!(restoring.status().unwrap().success());
    let pool = server.pool();
    let store = open(&pool).await;
    assert!(matches!(store.guard(), Guard::Restored { .. }));
    let refused = group(&store, "too early").await;
    assert!(matches!(refused, Err(AppendError::NotAccepted(_))), "{refused:?}");

    let epoch = store.epoch();
    let owner = server.owner_pool();
    let accepted = restore_accept(&owner, chrono::Utc::now()).await.unwrap();
    assert_eq!(accepted.generation, 2);
    assert!(accepted.epoch > epoch);
    // The store that refused goes on by itself.
    let _running = sequencing(&store);
    let position = group(&store, "after").await.unwrap();
    assert_eq!(position.generation, 2);
    assert_eq!((store.guard(), store.epoch()), (Guard::Ok, accepted.epoch));
    let idx = store.wait_sequenced(position, std::time::Instant::now() + WIDE).await.unwrap();
    assert_eq!(idx, 8);
    let names: Vec<_> = store.log().read(1, 100).await.unwrap();
    let names: Vec<_> = names.iter().map(|e| e.payload["name"].as_str().unwrap()).collect();
    let expected = ["before 0", "before 1", "before 2", "before 3", "before 4", "unseen", "after"];
    assert_eq!(names, expected);
    assert_eq!(verify(&pool, store.keyring()).await.unwrap().problems, Vec::<String>::new());
    let again = group(&store, "AFTER").await;
    assert_eq!(super::conflict_code(&again), "group_name_taken");
    assert_eq!(open(&pool).await.guard(), Guard::Ok);
}

#[tokio::test]
async fn events_from_the_clusters_future_are_noticed() {
    let db = TestDb::new().await;
    sqlx::query(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version,
                             payload, metadata, tx)
         VALUES ('group', gen_random_uuid(), 1, 'group.created', '1.0',
                 '{\"type\": \"group.created\", \"name\": \"g\", \"description\": \"\"}', '{}',
                 pg_current_xact_id()::text::bigint + 1000000)",
    )
    .execute(&db.owner_pool)
    .await
    .unwrap();
    let store = open(&db.pool).await;
    assert!(matches!(store.guard(), Guard::Restored { .. }));
    assert_eq!(store.sequence_once().await.unwrap(), 0);
    restore_accept(&db.owner_pool, chrono::Utc::now()).await.unwrap();
    group(&store, "after").await.unwrap();
    poll_until(WIDE, || async {
        store.sequence_once().await.unwrap();
        store.head().borrow().idx == 2
    })
    .await;
    let events = store.log().read(0, 10).await.unwrap();
    assert_eq!(events[0].payload["name"], "g");
    assert_eq!(events[1].payload["name"], "after");
}
