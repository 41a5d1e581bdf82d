//! `kill -9` in the middle of a drain.

use nexavpn_tests::harness::{OwnServer, TestServer, WIDE, poll_until};
use serde_json::json;
use sqlx::PgPool;

use super::{gateway, key, start_program, truth::assert_whole, user};

const DEVICES: i64 = 200;

async fn moved(pool: &PgPool) -> (i64, i64) {
    sqlx::query_as(
        "SELECT count(*), count(DISTINCT aggregate_id) FROM events
         WHERE event_type = 'device.gateway_changed'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_drain_goes_on_where_a_killed_server_left_it() {
    let db = OwnServer::start(true).await;
    TestServer::start_with(&db.server_url(), |_| {}).await.stop().await;
    let pool = db.pool();
    let server = start_program(&db).await;
    let admin = server.client().login("admin", nexavpn_tests::harness::PASSWORD).await;
    let one = gateway(&admin, "one", "100.96.0.0/22").await;
    for n in 0..DEVICES / 10 {
        let owner = user(&admin, &format!("owner-{n}")).await;
        for d in 0..10 {
            let body = json!({ "name": format!("d{d}"), "public_key": key(), "gateway_id": one });
            let (status, made) = admin.post(&format!("/admin/users/{owner}/devices"), body).await;
            assert_eq!(status, 201, "{made}");
        }
    }
    let two = gateway(&admin, "two", "100.97.0.0/22").await;
    let path = format!("/admin/gateways/{one}/drain");
    let (status, begun) = admin.post(&path, json!({ "target": two })).await;
    assert_eq!(status, 202, "{begun}");
    poll_until(WIDE, || async { moved(&pool).await.0 >= 20 }).await;
    server.kill().await;
    let (before, _) = moved(&pool).await;
    assert!(before < DEVICES, "killed too late to show anything");

    let server = start_program(&db).await;
    let admin = server.client().login("admin", nexavpn_tests::harness::PASSWORD).await;
    poll_until(WIDE, || async { admin.get(&path).await.1["status"] == "drained" }).await;
    assert_eq!(moved(&pool).await, (DEVICES, DEVICES));
    pool.close().await;
    assert_whole(&db).await;
    assert!(server.stop().await.success());
}
