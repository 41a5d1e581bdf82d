//! Who says when a device stops being a peer: whoever enrols it, and admins from then on.

use chrono::TimeDelta;
use nexavpn_commands::Clock;
use nexavpn_tests::harness::{Client, PASSWORD};
use reqwest::Method;
use serde_json::{Value, json};

use super::time::{Timed, until_status};
use crate::api_admin::{assert_error, assert_invalid, id, key, with};

/// Asks for a device that is there already, and answers its state.
async fn again(client: &Client, path: &str, body: Value) -> Value {
    let (status, answer) = client.post(path, body).await;
    assert_eq!(status, 200, "{answer}");
    answer["device"].clone()
}

async fn refused(client: &Client, body: Value) {
    let answer = client.send(Method::POST, "/me/devices", &[], Some(body.clone())).await;
    assert_invalid(&answer, "expires_at", &body);
}

#[tokio::test]
async fn only_an_admin_gives_a_device_another_expiry_date() {
    let (timed, admin) = Timed::start().await;
    let alice = timed.server.user("alice", "user").await;
    let in_hours = |hours| timed.clock.now() + TimeDelta::hours(hours);
    let at = |when| json!({ "expires_at": when });
    let laptop = json!({ "name": "laptop", "public_key": key() });
    let first = with(laptop.clone(), at(in_hours(2)));
    let (status, made) = alice.post("/me/devices", first.clone()).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/admin/devices/{}", id(&made["device"]));

    // The same request again is answered as before; another date is not hers to choose.
    let (_, before) = admin.get(&path).await;
    assert_eq!(id(&again(&alice, "/me/devices", first.clone()).await), id(&made["device"]));
    again(&alice, "/me/devices", laptop.clone()).await;
    for other in [in_hours(1), in_hours(3), in_hours(-1)] {
        refused(&alice, with(laptop.clone(), at(other))).await;
    }
    assert_eq!(admin.get(&path).await.1, before);
    // Nor is the first one where an admin has set another, or none.
    assert_eq!(admin.patch(&path, json!({ "expires_at": null })).await.0, 200);
    refused(&alice, first.clone()).await;
    assert_eq!(admin.patch(&path, at(in_hours(1))).await.0, 200);
    refused(&alice, first).await;
    let auditor = timed.server.user("audrey", "auditor").await;
    let tablet = json!({ "name": "tablet", "public_key": key() });
    assert_eq!(auditor.post("/me/devices", tablet.clone()).await.0, 201);
    refused(&auditor, with(tablet, at(in_hours(9)))).await;

    // An admin may, by the same request.
    let later = with(laptop, at(in_hours(5)));
    let path_of_alice = format!("/admin/users/{}/devices", alice.user_id());
    again(&admin, &path_of_alice, later.clone()).await;
    assert_eq!(admin.get(&path).await.1["expires_at"], later["expires_at"]);
    let own = json!({ "name": "own", "public_key": key() });
    let (_, made) = admin.post("/me/devices", with(own.clone(), at(in_hours(1)))).await;
    let later = with(own, at(in_hours(4)));
    again(&admin, "/me/devices", later.clone()).await;
    let path = format!("/admin/devices/{}", id(&made["device"]));
    assert_eq!(admin.get(&path).await.1["expires_at"], later["expires_at"]);
}

#[tokio::test]
async fn nothing_that_its_owner_does_revives_an_expired_device() {
    let (timed, admin) = Timed::start().await;
    let alice = timed.server.user("alice", "user").await;
    let old_key = key();
    let laptop =
        json!({ "name": "laptop", "public_key": old_key, "device_fingerprint": "sha256:1" });
    let (status, made) = alice.post("/devices/enroll", laptop.clone()).await;
    assert_eq!(status, 201, "{made}");
    let device = id(&made["device"]);
    let path = format!("/admin/devices/{device}");
    let gateway = made["peer"]["gateway"]["id"].as_str().unwrap();
    let date = json!(timed.clock.now() + TimeDelta::hours(1));
    assert_eq!(admin.patch(&path, json!({ "expires_at": date })).await.0, 200);

    let admin = timed.later(TimeDelta::hours(2)).await;
    until_status(&admin, &path, "status", json!("expired")).await;
    let alice = timed.server.client().login("alice", PASSWORD).await;
    let still_expired = async |what: &str| {
        let (_, view) = admin.get(&path).await;
        assert_eq!((&view["status"], &view["expires_at"]), (&json!("expired"), &date), "{what}");
        let (_, bundle) = admin.get(&format!("/admin/gateways/{gateway}/sync")).await;
        assert_eq!(bundle["payload"]["devices"], json!([]), "{what}");
    };
    let by_key = json!({ "name": "laptop", "public_key": old_key });
    for other in [timed.clock.now() + TimeDelta::days(365_000), timed.clock.now()] {
        refused(&alice, with(by_key.clone(), json!({ "expires_at": other }))).await;
    }
    still_expired("a date").await;
    again(&alice, "/me/devices", by_key.clone()).await;
    again(&alice, "/me/devices", with(by_key, json!({ "expires_at": date }))).await;
    still_expired("the same key").await;
    assert_eq!(id(&again(&alice, "/devices/enroll", laptop.clone()).await), device);
    still_expired("the same enrolment").await;
    let next = with(laptop, json!({ "public_key": key() }));
    assert_eq!(again(&alice, "/devices/enroll", next).await["status"], "expired");
    still_expired("the same machine with another key").await;
    let key_path = format!("/devices/{device}/key");
    again(&alice, &key_path, json!({ "public_key": key() })).await;
    still_expired("another key").await;
    let rotate = alice.post(&format!("/devices/{device}/rotate"), json!({})).await;
    assert_eq!(rotate.0, 200, "{}", rotate.1);
    let own_path = format!("/me/devices/{device}");
    let rename = alice.patch(&own_path, json!({ "name": "phone" })).await;
    assert_eq!(rename.0, 200, "{}", rename.1);
    let patch = alice.patch(&own_path, json!({ "expires_at": null })).await;
    assert_error(&patch, 400, "validation_error");
    let enable = alice.post(&format!("{path}/enable"), json!({})).await;
    assert_error(&enable, 403, "forbidden");
    still_expired("the rest").await;
}
