//! The harness keeps its promises.

use std::time::Duration;

use nexavpn_tests::harness::{OwnServer, TestDb, WIDE, poll_for, poll_until};
use sqlx::Row;

#[tokio::test]
async fn every_test_has_a_migrated_database_of_its_own() {
    let (one, other) = tokio::join!(TestDb::new(), TestDb::new());
    assert_ne!(one.name, other.name);
    for db in [&one, &other] {
        let events: i64 =
            sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&db.pool).await.unwrap();
        assert_eq!(events, 0);
    }
    let created = sqlx::query("CREATE TABLE of_mine (id int)");
    let refused = created.execute(&one.pool).await.unwrap_err();
    let code = refused.as_database_error().and_then(|error| error.code().map(String::from));
    assert_eq!(code.as_deref(), Some("42501"), "the server's role may not make tables");
    let created = sqlx::query("CREATE TABLE of_mine (id int)");
    created.execute(&one.owner_pool).await.unwrap();
}

#[tokio::test]
async fn a_database_goes_with_its_test() {
    let watching = TestDb::new().await;
    let db = TestDb::new().await;
    let name = db.name.clone();
    let held = db.pool.acquire().await.unwrap();
    drop(db);
    drop(held);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_one(&watching.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_killed_server_keeps_what_was_committed() {
    let mut server = OwnServer::start(true).await;
    let url = server.owner_url();
    let pool = server.owner_pool();
    sqlx::raw_sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    server.kill().await;
    server.restart().await;
    assert_eq!(server.owner_url(), url);
    let row = sqlx::query("SELECT n FROM kept").fetch_one(&server.owner_pool()).await.unwrap();
    assert_eq!(row.get::<i32, _>("n"), 42);
    let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(&server.pool()).await.unwrap();
    assert_eq!(fsync, "on");
}

#[tokio::test]
async fn waiting_answers_when_the_condition_holds() {
    let mut attempts = 0;
    let answer = poll_for(WIDE, || {
        attempts += 1;
        let answer = (attempts == 3).then_some("third");
        async move { answer }
    });
    assert_eq!(answer.await, "third");
}

#[tokio::test]
async fn a_wait_that_runs_out_names_the_open_transactions() {
    let server = OwnServer::start(false).await;
    let pool = server.pool();
    let mut stalled = pool.begin().await.unwrap();
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut *stalled).await.unwrap();
    let waited = tokio::spawn(async {
        poll_until(Duration::from_millis(50), || async { false }).await;
    });
    let panic = waited.await.unwrap_err().into_panic();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(said.contains("harness.rs"), "{said}");
    assert!(said.contains("idle in transaction"), "{said}");
    stalled.rollback().await.unwrap();
}
