//! Commands that hang in the database: when the server is stopped, and for too long.

use std::time::Duration;

use nexavpn_tests::harness::{
    ADMIN, Answer, Client, OwnServer, PASSWORD, ServerProcess, TestServer, WIDE, poll_until,
};
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::json;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::task::JoinHandle;

use crate::{
    api_admin::{assert_error, id},
    scenario::settings,
};

/// A user whom no command gets at, on a PostgreSQL of the test's own: what is held up there holds up
/// everybody who reads.
struct Held {
    user: String,
    pool: PgPool,
    lock: Transaction<'static, Postgres>,
    /// The backend that holds it.
    holder: i32,
}

impl Held {
    async fn new(db: &OwnServer, admin: &Client) -> Self {
        let (status, user) = admin.post("/admin/users", json!({ "username": "alice" })).await;
        assert_eq!(status, 201, "{user}");
        let pool = db.owner_pool();
        let mut lock = pool.begin().await.unwrap();
        let holder = sqlx::query_scalar("SELECT pg_backend_pid()");
        let holder = holder.fetch_one(&mut *lock).await.unwrap();
        sqlx::query("SELECT FROM account WHERE user_id = $1::uuid FOR UPDATE")
            .bind(id(&user))
            .execute(&mut *lock)
            .await
            .unwrap();
        Self { user: id(&user), pool, lock, holder }
    }

    /// Begins to make the user an auditor, which hangs.
    async fn promote(&self, admin: &Client) -> JoinHandle<reqwest::Result<Answer>> {
        let (admin, path) = (admin.clone(), format!("/admin/users/{}", self.user));
        let body = Some(json!({ "role": "auditor" }));
        let asked =
            tokio::spawn(async move { admin.try_send(Method::PATCH, &path, &[], body).await });
        poll_until(WIDE, || async {
            sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))",
            )
            .bind(self.holder)
            .fetch_one(&self.pool)
            .await
            .unwrap()
        })
        .await;
        asked
    }

    async fn let_go(self) {
        self.lock.rollback().await.unwrap();
        self.pool.close().await;
    }
}

#[tokio::test]
async fn whoever_waits_for_an_answer_as_the_server_is_stopped_gets_it() {
    let db = OwnServer::start(false).await;
    TestServer::start_with(&db.server_url(), |_| {}).await.stop().await;
    let variables = settings(&db);
    let variables: Vec<_> = variables.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let server = ServerProcess::start_with(&[], &variables).await;
    let admin = server.client().login(ADMIN, PASSWORD).await;
    let held = Held::new(&db, &admin).await;
    let asked = held.promote(&admin).await;
    server.signal(Signal::SIGTERM);
    // Nobody else is let in.
    poll_until(WIDE, || async {
        server.client().try_send(Method::GET, "/openapi.json", &[], None).await.is_err()
    })
    .await;
    assert!(!asked.is_finished());
    held.let_go().await;
    let answer = asked.await.unwrap().unwrap();
    assert_eq!((answer.status, &answer.body["role"]), (200, &json!("auditor")), "{}", answer.body);
    let output = server.output();
    assert!(server.ended().await.success(), "{output}");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_told_so_and_happens_all_the_same() {
    let db = OwnServer::start(false).await;
    // What is not held up ends within it on a busy machine, too.
    let limit = Duration::from_secs(5);
    let server = TestServer::start_with(&db.server_url(), |o| o.http.timeout = limit).await;
    let admin = server.admin().await;
    let held = Held::new(&db, &admin).await;
    let path = format!("/admin/users/{}", held.user);
    let answer = held.promote(&admin).await.await.unwrap().unwrap();
    assert_eq!(answer.header("retry-after"), "1");
    assert_error(&(answer.status, answer.body), 503, "timeout");
    assert_eq!(admin.get(&path).await.1["role"], "user");
    // The answer said that this was not known yet.
    held.let_go().await;
    poll_until(WIDE, || async { admin.get(&path).await.1["role"] == "auditor" }).await;
    server.stop().await;
}
