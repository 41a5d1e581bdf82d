//! What is answered where the read models are behind.

use std::time::Duration;

use nexavpn_tests::harness::{OwnServer, TestDb, TestServer, WIDE, poll_until};
use reqwest::Method;
use serde_json::json;

use super::{assert_error, gateway, id};

/// A change that happened is never answered with an error, however far reading is behind.
#[tokio::test]
async fn a_change_that_cannot_be_read_yet_is_a_success() {
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |options| {
        options.http.consistency_wait = Duration::ZERO;
    })
    .await;
    let admin = server.admin().await;
    let mut pending = 0;
    for n in 0..20 {
        for (collection, body) in [
            ("users", json!({ "username": format!("user-{n}") })),
            ("groups", json!({ "name": format!("group-{n}") })),
            ("policies", json!({ "name": format!("policy-{n}"), "effect": "deny" })),
            ("gateways", gateway(&format!("gateway-{n}"), &format!("100.96.{n}.0/24"))),
        ] {
            let path = format!("/admin/{collection}");
            let made = admin.send(Method::POST, &path, &[], Some(body)).await;
            assert_eq!(made.status, 201, "{}", made.body);
            let place = format!("/admin/{collection}/{}", id(&made.body));
            assert_eq!(made.header("location"), format!("/api/v1{place}"));
            pending += usize::from(made.header("x-consistency") == "pending");
            poll_until(WIDE, || async { admin.get(&place).await.0 == 200 }).await;
            let token = [("x-consistency-token", made.header("x-consistency-token"))];
            let read = admin.send(Method::GET, &place, &token, None).await;
            assert!(matches!(read.status, 200 | 503), "{}", read.body);
        }
    }
    assert!(pending > 0, "nothing was ever behind: this test shows nothing");
    server.stop().await;
}

/// Whoever waits for `/readyz` reads everything that was acknowledged.
#[tokio::test]
async fn it_is_not_ready_before_what_it_acknowledged_can_be_read() {
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |options| {
        options.http.consistency_wait = Duration::from_millis(50);
    })
    .await;
    let admin = server.admin().await;
    let ready = async || admin.get_outside("/readyz").await;
    assert_eq!(ready().await.0, 200);

    let mut holder = db.pool.begin().await.unwrap();
    let hold = "SELECT FROM read.projection_checkpoint FOR UPDATE";
    sqlx::query(hold).execute(&mut *holder).await.unwrap();
    let body = json!({ "name": "staff", "effect": "deny" });
    let made = admin.send(Method::POST, "/admin/policies", &[], Some(body)).await;
    assert_eq!((made.status, made.header("x-consistency")), (201, "pending"), "{}", made.body);
    let place = format!("/admin/policies/{}", id(&made.body));
    assert_eq!(admin.get(&place).await.0, 404);
    let (status, answer) = ready().await;
    let told = json!(["changes that were acknowledged are still to be folded"]);
    assert_eq!((status, &answer["problems"]), (503, &told));

    holder.rollback().await.unwrap();
    poll_until(WIDE, || async { ready().await.0 == 200 }).await;
    assert_eq!(admin.get(&place).await.0, 200);
    server.stop().await;
}

/// The audit log holds up nobody but those who read it, and they never miss what was answered.
#[tokio::test]
async fn only_readers_of_the_audit_log_wait_for_it() {
    // Of its own: what is open in another database would hold everything up.
    let db = OwnServer::start(false).await;
    let server = TestServer::start_with(&db.server_url(), |options| {
        options.http.consistency_wait = Duration::from_secs(1);
    })
    .await;
    let admin = server.admin().await;
    let mut holder = db.owner_pool().begin().await.unwrap();
    let hold = "LOCK TABLE read.audit_log IN EXCLUSIVE MODE";
    sqlx::query(hold).execute(&mut *holder).await.unwrap();
    let body = json!({ "name": "staff" });
    let made = admin.send(Method::POST, "/admin/groups", &[], Some(body)).await;
    assert_eq!((made.status, made.header("x-consistency")), (201, ""), "{}", made.body);
    assert_eq!(admin.get(&format!("/admin/groups/{}", id(&made.body))).await.0, 200);
    for path in [
        "/admin/audit-logs",
        "/admin/audit-logs?format=ndjson",
        "/admin/audit-logs/feed?wait=1",
        "/admin/audit-logs/stream",
        "/me/activity",
    ] {
        assert_error(&admin.get(path).await, 503, "not_yet_consistent");
    }
    holder.rollback().await.unwrap();
    let (status, page) = admin.get("/admin/audit-logs").await;
    assert_eq!(status, 200, "{page}");
    let newest = &page["items"][0];
    assert_eq!(
        (&newest["event_type"], &newest["entity_name"]),
        (&json!("group.created"), &json!("staff"))
    );
    server.stop().await;
}
