//! What the clock brings about, as events.

use std::sync::Arc;

use chrono::TimeDelta;
use nexavpn_commands::Clock;
use nexavpn_tests::harness::{Client, PASSWORD, TestDb, TestServer, WIDE, poll_until};
use serde_json::json;

use super::TurnableClock;
use crate::api_admin::{gateway, id, key, with};

pub(super) struct Timed {
    pub(super) clock: TurnableClock,
    pub(super) server: TestServer,
    _db: TestDb,
}

impl Timed {
    pub(super) async fn start() -> (Self, Client) {
        let db = TestDb::new().await;
        let clock = TurnableClock::default();
        let turned = clock.clone();
        let server = TestServer::start_with(&db.server_url, |o| o.clock = Arc::new(turned)).await;
        let admin = server.admin().await;
        let body = with(gateway("gw", "100.96.0.0/16"), json!({ "public_key": key() }));
        assert_eq!(admin.post("/admin/gateways", body).await.0, 201);
        (Self { clock, server, _db: db }, admin)
    }

    /// Turns the clock; access tokens from before do not work any more.
    pub(super) async fn later(&self, by: TimeDelta) -> Client {
        self.clock.forward(by);
        self.server.client().login("admin", PASSWORD).await
    }
}

pub(super) async fn until_status(
    admin: &Client,
    path: &str,
    field: &str,
    wanted: serde_json::Value,
) {
    poll_until(WIDE, || async { admin.get(path).await.1[field] == wanted }).await;
}

#[tokio::test]
async fn a_device_expires_and_comes_back_with_another_date() {
    let (timed, admin) = Timed::start().await;
    let in_an_hour = timed.clock.now() + TimeDelta::hours(1);
    let body = json!({ "name": "guest", "public_key": key(), "expires_at": in_an_hour });
    let (status, device) = admin.post("/me/devices", body).await;
    assert_eq!(status, 201, "{device}");
    let path = format!("/admin/devices/{}", id(&device["device"]));
    assert_eq!(admin.get(&path).await.1["status"], "active");
    let admin = timed.later(TimeDelta::hours(2)).await;
    until_status(&admin, &path, "status", json!("expired")).await;
    let (_, log) = admin.get("/admin/audit-logs?event_type=device.expired").await;
    assert_eq!(log["items"][0]["actor"]["type"], "system", "{log}");
    let (status, device) = admin.patch(&path, json!({ "expires_at": null })).await;
    assert_eq!((status, &device["status"]), (200, &json!("active")), "{device}");
    // That it had expired, and has not any more, is said by the new date.
    let (_, log) = admin.get("/admin/audit-logs?event_type=device.expiry_changed").await;
    let changes = log["items"][0]["changes"].as_array().unwrap();
    let back = json!({ "field": "expired", "before": true, "after": false });
    assert!(changes.contains(&back), "{log}");
    let first = log["items"][1]["changes"].as_array().unwrap();
    assert!(first.iter().all(|change| change["field"] != "expired"), "{log}");
}

#[tokio::test]
async fn a_rotation_that_is_not_answered_lapses() {
    let (timed, admin) = Timed::start().await;
    let body = json!({ "name": "laptop", "public_key": key() });
    let (_, device) = admin.post("/me/devices", body).await;
    let path = format!("/admin/devices/{}", id(&device["device"]));
    assert_eq!(admin.post(&format!("{path}/rotate"), json!({})).await.0, 200);
    let admin = timed.later(TimeDelta::days(8)).await;
    until_status(&admin, &path, "status", json!("rotation_lapsed")).await;
}

#[tokio::test]
async fn a_policy_counts_from_when_until_when_it_says() {
    let (timed, admin) = Timed::start().await;
    let now = timed.clock.now();
    let (_, device) =
        admin.post("/me/devices", json!({ "name": "laptop", "public_key": key() })).await;
    let device = id(&device["device"]);
    let allowed = async |admin: &Client| {
        let packet = "destination=172.16.20.7&protocol=tcp&port=443";
        let (_, answer) = admin.get(&format!("/admin/access?device={device}&{packet}")).await;
        (answer["items"][0]["allowed"].clone(), answer["items"][0]["policy"]["name"].clone())
    };
    let body = json!({
        "name": "Maintenance", "description": "", "priority": 1, "effect": "allow",
        "full_tunnel": false, "destinations": ["172.16.20.0/24"], "targets": [{ "type": "everyone" }],
        "services": [{ "protocol": "tcp", "ports": ["443"] }],
        "valid_from": now + TimeDelta::hours(1), "valid_until": now + TimeDelta::hours(3),
    });
    let (status, policy) = admin.post("/admin/policies", body).await;
    assert_eq!((status, &policy["in_force"]), (201, &json!(false)), "{policy}");
    assert_eq!(policy["rank"], json!(null));
    assert_eq!(allowed(&admin).await.0, false);
    let path = format!("/admin/policies/{}", id(&policy));
    let admin = timed.later(TimeDelta::hours(2)).await;
    until_status(&admin, &path, "in_force", json!(true)).await;
    until_status(&admin, &path, "rank", json!(1)).await;
    assert_eq!(allowed(&admin).await, (json!(true), json!("Maintenance")));
    let admin = timed.later(TimeDelta::hours(2)).await;
    until_status(&admin, &path, "in_force", json!(false)).await;
    until_status(&admin, &path, "rank", json!(null)).await;
    assert_eq!(allowed(&admin).await.0, false);
    for event in ["policy.activated", "policy.expired"] {
        let (_, log) = admin.get(&format!("/admin/audit-logs?event_type={event}")).await;
        assert_eq!(log["total"], 1, "{event}: {log}");
        assert_eq!(log["items"][0]["actor"]["type"], "system", "{log}");
    }
    // Another time begins it anew, at once where that has come.
    let (status, again) = admin.patch(&path, json!({ "valid_until": null })).await;
    assert_eq!((status, &again["in_force"]), (200, &json!(true)), "{again}");
    assert_eq!(allowed(&admin).await.0, true);
}

#[tokio::test]
async fn a_gateways_next_key_comes_into_force_at_its_time() {
    let (timed, admin) = Timed::start().await;
    let mut gateways = Vec::new();
    for (name, pool) in [("one", "100.97.0.0/16"), ("two", "100.98.0.0/16")] {
        let (status, made) = admin.post("/admin/gateways", gateway(name, pool)).await;
        assert_eq!(status, 201, "{made}");
        let path = format!("/admin/gateways/{}", id(&made));
        let (_, token) = admin.post(&format!("{path}/join-token"), json!({})).await;
        let join = json!({ "token": token["token"], "public_key": key(), "agent_version": "1" });
        let (_, joined) = timed.server.client().post("/gateways/join", join).await;
        let node = timed.server.client().with_token(joined["credential"].as_str().unwrap());
        gateways.push((path, node, format!("/gateways/{}/status", id(&made))));
    }
    let report = |next| {
        json!({
            "agent_version": "1", "peers": [], "reported_at": "2026-01-01T00:00:00Z",
            "features": ["key_rotation"], "next_key": next,
        })
    };
    let at = timed.clock.now() + TimeDelta::hours(1);
    for (path, node, status) in &gateways {
        assert_eq!(node.post(status, report(json!(null))).await.0, 204);
        let rotation = format!("{path}/key-rotation");
        let (status, begun) = admin.post(&rotation, json!({ "switch_at": at })).await;
        assert_eq!(status, 202, "{begun}");
    }
    // The node of one of them has announced its next key by then.
    let [(one, node, status), (two, _, _)] = &gateways[..] else { unreachable!() };
    let next = key();
    let told = report(json!({ "rotation": 1, "public_key": next }));
    assert_eq!(node.post(status, told).await.0, 204);
    let kept = admin.get(two).await.1["public_key"].clone();

    let admin = timed.later(TimeDelta::minutes(59)).await;
    assert_ne!(admin.get(one).await.1["public_key"], json!(next));
    let admin = timed.later(TimeDelta::minutes(2)).await;
    until_status(&admin, one, "public_key", json!(next)).await;
    until_status(&admin, two, "key_rotation", json!(null)).await;
    assert_eq!(admin.get(two).await.1["public_key"], kept);
    for (path, event) in [(one, "gateway.key_switched"), (two, "gateway.key_rotation_called_off")] {
        let gateway = path.trim_start_matches("/admin/gateways/");
        let query = format!("/admin/audit-logs?event_type={event}&entity_id={gateway}");
        let (_, log) = admin.get(&query).await;
        assert_eq!(log["total"], 1, "{event}: {log}");
        assert_eq!(log["items"][0]["actor"]["type"], "system", "{log}");
    }
}
