//! A server on a restored database: read-only, until somebody accepts it.

use nexavpn_commands::{Clock as _, SystemClock};
use nexavpn_tests::harness::{TestDb, TestServer, WIDE, poll_until};
use serde_json::json;

#[tokio::test]
async fn a_restored_database_is_read_until_it_is_accepted_and_then_written() {
    let db = TestDb::new().await;
    let server = TestServer::start(&db).await;
    server.stop().await;
    // As if the data had been copied from another cluster.
    sqlx::query("UPDATE store_meta SET system_identifier = system_identifier + 1")
        .execute(&db.owner_pool)
        .await
        .unwrap();

    let server = TestServer::start(&db).await;
    let (status, body) = server.client().get_outside("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.to_string().contains("restore accept"), "{body}");

    let before = server.app.commands.store().epoch();
    nexavpn_store::restore_accept(&db.owner_pool, SystemClock.now()).await.unwrap();
    // Noticed without a restart, and without anybody trying to write.
    poll_until(WIDE, || async { server.client().get_outside("/readyz").await.0 == 200 }).await;
    assert!(server.app.commands.store().epoch() > before);
    let admin = server.admin().await;
    let (status, body) = admin.post("/admin/users", json!({ "username": "carla" })).await;
    assert_eq!(status, 201, "{body}");
    server.stop().await;
}
