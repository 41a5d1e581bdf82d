//! What an entry of the audit log says made it necessary.

use chrono::TimeDelta;
use nexavpn_commands::Clock as _;
use nexavpn_tests::harness::{Client, PASSWORD};
use serde_json::{Value, json};

use super::time::{Timed, until_status};
use crate::api_admin::{gateway, id, key};

/// The newest entry of this type.
async fn newest(admin: &Client, event_type: &str) -> Value {
    let path = format!("/admin/audit-logs?page_size=1&event_type={event_type}");
    let (status, page) = admin.get(&path).await;
    assert_eq!(status, 200, "{page}");
    page["items"][0].clone()
}

/// The newest entry of one type was caused by the newest of the other.
async fn assert_because(admin: &Client, event_type: &str, of: &str) {
    let (entry, cause) = (newest(admin, event_type).await, newest(admin, of).await);
    assert_ne!(cause["idx"], Value::Null, "there is no {of}");
    let expected = json!({
        "idx": cause["idx"], "event_type": of, "summary": cause["summary"],
        "entity_type": cause["entity_type"], "entity_id": cause["entity_id"],
    });
    assert_eq!(entry["cause"], expected, "{entry}");
}

async fn assert_no_cause(admin: &Client, event_type: &str) {
    let entry = newest(admin, event_type).await;
    assert!(entry["idx"].is_number() && entry["cause"].is_null(), "{entry}");
}

async fn patch(admin: &Client, path: &str, body: Value) {
    let (status, answer) = admin.patch(path, body).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn a_device_expires_because_of_the_date_that_it_was_given_last() {
    let (timed, admin) = Timed::start().await;
    let in_hours = |n| timed.clock.now() + TimeDelta::hours(n);
    let body = json!({ "name": "guest", "public_key": key(), "expires_at": in_hours(9) });
    let (status, device) = admin.post("/me/devices", body).await;
    assert_eq!(status, 201, "{device}");
    assert_no_cause(&admin, "device.enrolled").await;
    let path = format!("/admin/devices/{}", id(&device["device"]));
    patch(&admin, &path, json!({ "expires_at": in_hours(1) })).await;
    patch(&admin, &path, json!({ "name": "visitor" })).await;
    let admin = timed.later(TimeDelta::hours(2)).await;
    until_status(&admin, &path, "status", json!("expired")).await;
    assert_because(&admin, "device.expired", "device.expiry_changed").await;
}

#[tokio::test]
async fn a_key_is_changed_because_it_was_asked_for() {
    let (timed, admin) = Timed::start().await;
    let body = json!({ "name": "laptop", "public_key": key() });
    let (_, device) = admin.post("/me/devices", body).await;
    let device_id = id(&device["device"]);
    let path = format!("/admin/devices/{device_id}");
    let rekey = format!("/devices/{device_id}/key");
    let asked = async |admin: &Client| {
        assert_eq!(admin.post(&format!("{path}/rotate"), json!({})).await.0, 200);
    };
    let answered = async |admin: &Client| {
        let (status, answer) = admin.post(&rekey, json!({ "public_key": key() })).await;
        assert_eq!(status, 200, "{answer}");
    };
    asked(&admin).await;
    answered(&admin).await;
    assert_because(&admin, "device.reprovisioned", "device.rotation_requested").await;
    // Once it is answered, or it is too late, a new key is the client's own idea.
    answered(&admin).await;
    assert_no_cause(&admin, "device.reprovisioned").await;
    asked(&admin).await;
    let admin = timed.later(TimeDelta::days(8)).await;
    until_status(&admin, &path, "status", json!("rotation_lapsed")).await;
    assert_because(&admin, "device.rotation_lapsed", "device.rotation_requested").await;
    answered(&admin).await;
    assert_no_cause(&admin, "device.reprovisioned").await;
}

#[tokio::test]
async fn a_policy_begins_and_ends_because_of_the_times_that_it_was_given_last() {
    let (timed, admin) = Timed::start().await;
    let in_hours = |n| timed.clock.now() + TimeDelta::hours(n);
    let body = json!({
        "name": "Maintenance", "description": "", "priority": 1, "effect": "allow",
        "full_tunnel": false, "destinations": ["172.16.20.0/24"],
        "targets": [{ "type": "everyone" }], "services": [],
        "valid_from": in_hours(1), "valid_until": in_hours(9),
    });
    let (status, policy) = admin.post("/admin/policies", body).await;
    assert_eq!(status, 201, "{policy}");
    let path = format!("/admin/policies/{}", id(&policy));
    patch(&admin, &path, json!({ "name": "Upkeep" })).await;
    let admin = timed.later(TimeDelta::hours(2)).await;
    until_status(&admin, &path, "in_force", json!(true)).await;
    assert_because(&admin, "policy.activated", "policy.created").await;
    patch(&admin, &path, json!({ "valid_until": in_hours(1) })).await;
    let shortened = newest(&admin, "policy.changed").await["idx"].clone();
    patch(&admin, &path, json!({ "name": "Work" })).await;
    let admin = timed.later(TimeDelta::hours(2)).await;
    until_status(&admin, &path, "in_force", json!(false)).await;
    let expired = newest(&admin, "policy.expired").await;
    assert_eq!(expired["cause"]["idx"], shortened, "not the new name after it: {expired}");
}

#[tokio::test]
async fn a_node_joins_because_it_was_given_a_token() {
    let (timed, admin) = Timed::start().await;
    let (_, made) = admin.post("/admin/gateways", gateway("one", "100.97.0.0/16")).await;
    let path = format!("/admin/gateways/{}/join-token", id(&made));
    admin.post(&path, json!({})).await;
    let (_, token) = admin.post(&path, json!({})).await;
    let join = json!({ "token": token["token"], "public_key": key(), "agent_version": "1" });
    let (status, joined) = timed.server.client().post("/gateways/join", join).await;
    assert_eq!(status, 201, "{joined}");
    assert_because(&admin, "gateway.joined", "gateway.join_token_issued").await;
}

#[tokio::test]
async fn what_a_change_brings_along_says_so() {
    let (timed, admin) = Timed::start().await;
    let client = timed.server.user("alice", "user").await;
    let bob = timed.server.user("bob", "user").await;
    let (alice, bob) = (client.user_id().to_owned(), bob.user_id().to_owned());
    let body = json!({
        "name": "laptop", "platform": "linux", "os_version": "13", "app_version": "1",
        "device_fingerprint": "sha256:laptop", "public_key": key(),
    });
    let preshared = json!({ "preshared_keys": true });
    let (_, gateways) = admin.get("/admin/gateways").await;
    patch(&admin, &format!("/admin/gateways/{}", id(&gateways["items"][0])), preshared).await;
    let (status, device) = client.post("/devices/enroll", body).await;
    assert_eq!(status, 201, "{device}");
    assert_because(&admin, "session.device_bound", "device.enrolled").await;
    assert_because(&admin, "device.preshared_key_changed", "device.enrolled").await;
    let device = format!("/admin/devices/{}", id(&device["device"]));

    patch(&admin, &device, json!({ "user_id": bob, "name": "bobs" })).await;
    // Not of the new name, which it got in the same moment.
    assert_no_cause(&admin, "device.renamed").await;
    assert_because(&admin, "session.ended", "device.owner_changed").await;

    timed.server.client().login("alice", PASSWORD).await;
    let path = format!("/admin/users/{alice}/disable");
    assert_eq!(admin.post(&path, json!({})).await.0, 200);
    assert_because(&admin, "session.ended", "user.disabled").await;
    assert_eq!(admin.delete(&format!("/admin/users/{bob}")).await.0, 204);
    assert_because(&admin, "device.revoked", "user.deleted").await;
}
