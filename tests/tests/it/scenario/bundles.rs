//! The same events give the same bytes, whoever folds them and when.

use nexavpn_bundle::canonical;
use nexavpn_gateway_projector::render;
use nexavpn_tests::harness::{OwnServer, TestServer, WIDE, poll_until};
use serde_json::json;

use super::{Node, device, raw_sync, start_program, token, user};

#[tokio::test]
async fn live_rebuilt_and_in_another_process_the_bundle_has_the_same_bytes() {
    let db = OwnServer::start(false).await;
    let live = TestServer::start_with(&db.server_url(), |_| {}).await;
    let admin = live.admin().await;
    // It has followed the first half of the story, and this one the whole of it, event by event.
    let nodes = [
        Node::join(&admin, "north", "100.96.0.0/24").await,
        Node::join(&admin, "south", "100.97.0.0/24").await,
    ];
    let mut users = vec![];
    for name in ["alice", "bob", "carla", "dan"] {
        let id = user(&admin, name).await;
        for n in 0..2 {
            device(&admin, &id, &format!("{name}-{n}")).await;
        }
        users.push(id);
    }
    let other = start_program(&db).await;
    let (status, group) =
        admin.post("/admin/groups", json!({ "name": "staff", "members": users[..2] })).await;
    assert_eq!(status, 201, "{group}");
    for (name, effect, priority, destination, target) in [
        ("staff", "allow", 100, "172.16.0.0/16", json!({ "type": "group", "id": group["id"] })),
        ("vault", "deny", 10, "172.16.21.0/24", json!({ "type": "everyone" })),
        ("carla", "allow", 50, "10.0.0.0/8", json!({ "type": "user", "id": users[2] })),
    ] {
        let body = json!({ "name": name, "effect": effect, "priority": priority,
                           "destinations": [destination], "targets": [target] });
        let (status, policy) = admin.post("/admin/policies", body).await;
        assert_eq!(status, 201, "{policy}");
    }
    assert_eq!(admin.delete(&format!("/admin/users/{}", users[3])).await.0, 204);
    let path = format!("/admin/users/{}/disable", users[1]);
    assert_eq!(admin.post(&path, json!({})).await.0, 200);
    let last = live.app.fleet.idx();

    let rebuilt = TestServer::start_with(&db.server_url(), |_| {}).await;
    for url in [&other.base_url, &rebuilt.base_url] {
        let client = nexavpn_tests::harness::Client::new(url);
        poll_until(WIDE, || async { client.get_outside("/readyz").await.0 == 200 }).await;
    }
    let past = live.app.fleet.fleet_at(last).await.unwrap();
    for node in &nodes {
        let (status, here) = raw_sync(&live.base_url, &node.gateway, token(&admin), None).await;
        assert_eq!(status, 200);
        let bundle = node.believe(&here);
        assert!(!bundle.payload.devices.is_empty());
        for url in [&other.base_url, &rebuilt.base_url] {
            // The token of one server works at the others, as an admin's and as the node's.
            let there = raw_sync(url, &node.gateway, token(&admin), None).await;
            assert!(there == (200, here.clone()), "another bundle from {url}");
            assert!(node.sync(url, None).await == there);
        }
        let epoch = live.app.commands.store().epoch();
        let id = node.gateway.parse().unwrap();
        let payload = render(&past, id, epoch).unwrap().unwrap();
        assert_eq!(canonical(&payload).unwrap(), bundle.bytes);
    }
    assert!(other.stop().await.success());
    rebuilt.stop().await;
    live.stop().await;
}
