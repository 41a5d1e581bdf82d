//! Another user's device, by every route that takes a device.

use nexavpn_api::auth::permissions::{TABLE, Who};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_admin::{Plane, assert_error, id, key};

#[tokio::test]
async fn no_route_reads_or_changes_anothers_device() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let mallory = plane.server.user("mallory", "user").await;
    let auditor = plane.server.user("audrey", "auditor").await;
    let new = json!({ "name": "laptop", "public_key": key(), "device_fingerprint": "sha256:a" });
    let device = id(&alice.post("/devices/enroll", new.clone()).await.1["device"]);
    let state = || async {
        let (_, profile) = alice.get("/me/profile").await;
        (plane.admin.get(&format!("/admin/devices/{device}")).await.1["version"].clone(), profile)
    };
    let before = state().await;
    let bodies = [
        json!({}),
        json!({ "name": "mine" }),
        json!({ "public_key": key() }),
        json!({ "generate_key": true }),
        json!({ "user_id": mallory.user_id() }),
    ];
    let mut tried = 0;
    for row in TABLE.iter().filter(|row| row.path.contains("/devices/{id}")) {
        let path = row.path.replace("{id}", &device);
        let method: Method = row.method.parse().unwrap();
        for body in &bodies {
            let body = (method != Method::GET).then(|| body.clone());
            for client in [&mallory, &auditor] {
                if row.who == Who::Reader && client.user_id() == auditor.user_id() {
                    continue;
                }
                // Neither does a version that is not the device's tell that there is one.
                let stale = [("if-match", "\"999\"")];
                let answer = client.send(method.clone(), &path, &stale, body.clone()).await;
                // What is missing in the request is said before or after whose it is, but nothing
                // else is.
                let refused = matches!(answer.status, 400 | 403 | 404);
                assert!(refused, "{} {}: {} {}", row.method, path, answer.status, answer.body);
                let text = answer.body.to_string();
                assert!(!text.contains("100.96") && !text.contains("laptop"), "{path}: {text}");
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "only {tried}");
    for path in ["/me/profile", "/connection/status"] {
        let named = mallory.get(&format!("{path}?device_id={device}")).await;
        assert_error(&named, 404, "not_found");
    }
    // The machine's mark and its key are no way in either: a device of one's own, or nothing.
    let copied = json!({ "name": "x", "public_key": key(), "device_fingerprint": "sha256:a" });
    let (status, made) = mallory.post("/devices/enroll", copied).await;
    assert_eq!(status, 201, "{made}");
    assert_ne!(id(&made["device"]), device);
    let (status, refused) = mallory.post("/devices/enroll", new).await;
    assert_error(&(status, refused), 409, "public_key_taken");
    assert_eq!(state().await, before);
    // Nor are many at once.
    let bulk = json!({ "action": "revoke", "ids": [device] });
    assert_error(&mallory.post("/admin/devices/bulk", bulk).await, 403, "forbidden");
    let own: Vec<Value> = mallory.get("/me/devices").await.1["items"].as_array().unwrap().clone();
    assert!(own.iter().all(|d| d["id"] != json!(device)), "{own:?}");
}

/// Somebody whose device was given away still has a session that was bound to it, or a second one.
#[tokio::test]
async fn whoever_had_a_device_does_not_speak_for_it() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let bob = plane.user("bob").await;
    let new = json!({ "name": "laptop", "public_key": key() });
    let device = id(&alice.post("/devices/enroll", new).await.1["device"]);
    let path = format!("/admin/devices/{device}");
    assert_eq!(plane.admin.patch(&path, json!({ "user_id": bob })).await.0, 200);
    let refresh = json!({ "refresh_token": alice.session["refresh_token"] });
    assert_error(&alice.get("/me/profile").await, 401, "invalid_token");
    assert_error(&alice.post("/auth/refresh", refresh).await, 401, "invalid_token");
    let again = plane.server.client().login("alice", nexavpn_tests::harness::PASSWORD).await;
    for answer in [
        again.get(&format!("/me/profile?device_id={device}")).await,
        again.get(&format!("/me/devices/{device}/profile")).await,
        again.post(&format!("/devices/{device}/heartbeat"), json!({})).await,
        again.post(&format!("/devices/{device}/key"), json!({ "public_key": key() })).await,
        again.post(&format!("/devices/{device}/revoke"), json!({})).await,
    ] {
        assert_error(&answer, 404, "not_found");
    }
}
