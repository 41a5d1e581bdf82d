//! What is answered where the read models are behind.

use std::time::Duration;

use nexavpn_tests::harness::{TestDb, TestServer, WIDE, poll_until};
use reqwest::Method;
use serde_json::json;

use super::{gateway, id};

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
