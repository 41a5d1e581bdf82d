//! The planned rotation of a gateway's key.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::VerifyingKey;
use nexavpn_bundle::Interface;
use nexavpn_tests::harness::Client;
use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_error, assert_invalid, id, ids, key, with};
use crate::moving::assert_true;

/// A gateway whose node has joined.
struct Rotated {
    plane: Plane,
    gateway: String,
    node: Client,
    signing: VerifyingKey,
}

impl Rotated {
    async fn start() -> Self {
        let plane = Plane::start().await;
        let (gateway, joined) = plane.joined("gw", "100.96.0.0/16", json!({})).await;
        let raw = BASE64_STANDARD.decode(joined["signing_keys"][0].as_str().unwrap()).unwrap();
        let signing = VerifyingKey::from_bytes(&raw.try_into().unwrap()).unwrap();
        let node = plane.node(&joined);
        Self { plane, gateway, node, signing }
    }

    fn path(&self) -> String {
        format!("/admin/gateways/{}/key-rotation", self.gateway)
    }

    /// A report as agents give it, with more in it.
    async fn report(&self, more: Value) -> (u16, Value) {
        let report = json!({
            "agent_version": "0.1.0", "applied": null, "rejected": null, "peers": [],
            "reported_at": "2026-01-01T00:00:00Z",
        });
        self.node.post(&format!("/gateways/{}/status", self.gateway), with(report, more)).await
    }

    async fn announce(&self, rotation: u32, public_key: &str) -> (u16, Value) {
        let next = json!({ "rotation": rotation, "public_key": public_key });
        self.report(json!({ "features": ["key_rotation"], "next_key": next })).await
    }

    /// Asks for another key in an hour.
    async fn ask(&self) -> (u16, Value) {
        self.plane.admin.post(&self.path(), json!({ "switch_at": in_hours(1) })).await
    }

    /// Where it stands: the status, the next key and the devices that are left.
    async fn stands(&self) -> (Value, Value, Value) {
        let (status, at) = self.plane.admin.get(&self.path()).await;
        assert_eq!(status, 200, "{at}");
        (at["status"].clone(), at["next_gateway_key"].clone(), at["devices_left"].clone())
    }

    /// The interface in the node's newest bundle.
    async fn interface(&self) -> Interface {
        let path = format!("/admin/gateways/{}/sync", self.gateway);
        let answer = self.node.send(Method::GET, &path, &[], None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.body.to_string();
        nexavpn_bundle::verify(body.as_bytes(), &[self.signing]).unwrap().payload.interface
    }

    async fn gateway_key(&self) -> String {
        let (_, gateway) = self.plane.admin.get(&format!("/admin/gateways/{}", self.gateway)).await;
        gateway["public_key"].as_str().unwrap().to_owned()
    }

    /// A user with a device, and the device.
    async fn owner(&self, name: &str) -> (Client, String) {
        let user = self.plane.server.user(name, "user").await;
        let body = json!({ "name": name, "generate_key": true, "gateway_id": self.gateway });
        let (status, made) = user.post("/me/devices", body).await;
        assert_eq!(status, 201, "{made}");
        (user, id(&made["device"]))
    }

    /// The devices that have not fetched the key.
    async fn left(&self) -> Vec<String> {
        let (status, page) = self.plane.admin.get(&format!("{}/devices", self.path())).await;
        assert_eq!(status, 200, "{page}");
        ids(&page)
    }
}

fn in_hours(hours: i64) -> DateTime<Utc> {
    Utc::now() + TimeDelta::hours(hours)
}

/// A profile as text.
async fn text(user: &Client) -> String {
    let headers = [("accept", "text/plain")];
    let answer = user.send(Method::GET, "/me/profile", &headers, None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_device_can_know_the_next_key_before_it_comes_into_force() {
    let at = Rotated::start().await;
    let (one, first) = at.owner("one").await;
    let (two, second) = at.owner("two").await;
    let old = at.gateway_key().await;

    // Only where the agent knows what is asked of it.
    assert_error(&at.ask().await, 409, "gateway_not_ready");
    assert_eq!(at.report(json!({})).await.0, 204);
    assert_error(&at.ask().await, 409, "agent_too_old");
    assert_error(&at.plane.admin.get(&at.path()).await, 404, "not_found");
    let plain = at.interface().await;
    assert_eq!((plain.public_key, plain.key_rotation), (None, None));

    let features = json!({ "features": ["key_rotation"] });
    assert_eq!(at.report(features).await.0, 204);
    let (status, begun) = at.ask().await;
    assert_eq!((status, &begun["status"]), (202, &json!("waiting_for_node")), "{begun}");
    assert_eq!(at.stands().await, (json!("waiting_for_node"), Value::Null, Value::Null));
    let interface = at.interface().await;
    assert_eq!((interface.public_key.as_ref(), interface.key_rotation), (Some(&old), Some(1)));
    let switch = format!("{}/switch", at.path());
    assert_error(&at.plane.admin.post(&switch, json!({})).await, 409, "next_key_missing");
    assert_eq!(at.left().await.len(), 2, "nobody has what is not there");

    // What is said for another rotation, or is no key, is not taken.
    assert_eq!(at.announce(2, &key()).await.0, 204);
    assert_eq!(at.stands().await.0, "waiting_for_node");
    assert_error(&at.announce(1, "nonsense").await, 400, "validation_error");
    assert_eq!(at.announce(1, &old).await.0, 204);
    assert_eq!(at.stands().await.0, "waiting_for_node");

    let next = key();
    let before = one.get("/me/profile").await.1["peer"]["profile_revision"].clone();
    assert_eq!(at.announce(1, &next).await.0, 204);
    let announced = |left: i64| (json!("announced"), json!(next), json!(left));
    assert_eq!(at.stands().await, announced(2));
    let (_, shown) = at.plane.admin.get(&format!("/admin/gateways/{}", at.gateway)).await;
    assert_eq!(shown["key_rotation"]["next_gateway_key"], json!(next), "{shown}");
    assert_eq!(shown["public_key"], json!(old));
    // The bundle says the same as before; the clients are told to fetch.
    assert_eq!(at.interface().await, interface);
    let beat = json!({ "profile_revision": before });
    let (_, beat) = one.post(&format!("/devices/{first}/heartbeat"), beat).await;
    assert_eq!(beat["profile_outdated"], true, "{beat}");

    // Neither an admin who looks, nor a file in which the next key is not, is the client's fetching.
    let looked = at.plane.admin.get(&format!("/devices/{first}/profile")).await;
    assert_eq!(looked.0, 200, "{}", looked.1);
    assert!(text(&one).await.contains(&old));
    assert_eq!(at.stands().await, announced(2));
    let (_, profile) = one.get("/me/profile").await;
    let gateway = &profile["peer"]["gateway"];
    assert_eq!((&gateway["public_key"], &gateway["next_gateway_key"]), (&json!(old), &json!(next)));
    assert!(gateway["switch_at"].is_string(), "{gateway}");
    assert!(!profile["profile"]["content"].as_str().unwrap().contains(&next));
    assert_eq!(at.stands().await, announced(1));
    assert_eq!(at.left().await, [second.as_str()]);
    // A client that enrols with a key of its own has read all of the answer.
    let third = at.plane.server.user("three", "user").await;
    let enrolment = json!({
        "name": "three", "platform": "linux", "os_version": "12", "app_version": "1",
        "device_fingerprint": "sha256:three", "public_key": key(),
    });
    let (status, enrolled) = third.post("/devices/enroll", enrolment).await;
    assert_eq!(status, 201, "{enrolled}");
    assert_eq!(enrolled["peer"]["gateway"]["next_gateway_key"], json!(next));
    assert_eq!(at.stands().await, announced(1));
    // The file alone that comes with a key made for a device has not the next key.
    let (_, fourth) = at.owner("four").await;
    assert_eq!(at.stands().await, announced(2));
    assert_eq!(at.plane.admin.post(&format!("/devices/{fourth}/revoke"), json!({})).await.0, 200);
    assert_eq!(at.stands().await, announced(1));

    let (status, switched) = at.plane.admin.post(&switch, json!({})).await;
    assert_eq!((status, &switched["status"]), (202, &json!("switched")), "{switched}");
    assert_eq!(at.gateway_key().await, next);
    let interface = at.interface().await;
    assert_eq!((interface.public_key.as_ref(), interface.key_rotation), (Some(&next), None));
    let (_, profile) = one.get("/me/profile").await;
    let gateway = &profile["peer"]["gateway"];
    assert_eq!(
        (&gateway["public_key"], &gateway["next_gateway_key"]),
        (&json!(next), &Value::Null)
    );
    // Who has missed it is still known, and a plain file is as good now.
    assert_eq!(at.stands().await, (json!("switched"), json!(next), json!(1)));
    assert_eq!(at.left().await, [second.as_str()]);
    assert!(text(&two).await.contains(&next));
    assert_eq!(at.stands().await, (json!("switched"), json!(next), json!(0)));
    assert_eq!(at.left().await, Vec::<String>::new());
    // So is the file that comes with a key made for a device, and what an admin passes on.
    at.owner("five").await;
    let passed_on = at.plane.user("six").await;
    at.plane.device(&passed_on, "laptop").await;
    assert_eq!(at.stands().await, (json!("switched"), json!(next), json!(0)));

    // All of it is in the record, and by whom.
    let expected = [
        ("gateway.key_switched", "user"),
        ("gateway.next_key_announced", "gateway"),
        ("gateway.key_rotation_requested", "user"),
    ];
    for (event, actor) in expected {
        let path = format!("/admin/audit-logs?event_type={event}&entity_id={}", at.gateway);
        let (_, log) = at.plane.admin.get(&path).await;
        assert_eq!(log["total"], 1, "{event}: {log}");
        assert_eq!(log["items"][0]["actor"]["type"], actor, "{log}");
    }
    assert_true(&at.plane).await;
}

#[tokio::test]
async fn a_rotation_is_called_off_and_asked_for_again() {
    let at = Rotated::start().await;
    at.owner("one").await;
    let old = at.gateway_key().await;
    at.report(json!({ "features": ["key_rotation"] })).await;
    assert_eq!(at.ask().await.0, 202);
    let first = key();
    assert_eq!(at.announce(1, &first).await.0, 204);
    assert_eq!(at.plane.admin.delete(&at.path()).await.0, 204);
    assert_error(&at.plane.admin.get(&at.path()).await, 404, "not_found");
    assert_eq!(at.plane.admin.delete(&at.path()).await.0, 204);
    let interface = at.interface().await;
    assert_eq!((interface.public_key.as_ref(), interface.key_rotation), (Some(&old), None));
    // What the node still says is for a rotation that is over.
    assert_eq!(at.announce(1, &first).await.0, 204);
    assert_eq!(at.ask().await.0, 202);
    assert_eq!(at.announce(1, &first).await.0, 204);
    assert_eq!(at.stands().await.0, "waiting_for_node");
    assert_eq!(at.interface().await.key_rotation, Some(2));
    // A key that was ever announced is nobody's any more.
    assert_error(&at.announce(2, &first).await, 409, "public_key_taken");
    let second = key();
    assert_eq!(at.announce(2, &second).await.0, 204);
    // A node that has lost it makes another one.
    let third = key();
    assert_eq!(at.announce(2, &third).await.0, 204);
    assert_eq!(at.stands().await, (json!("announced"), json!(third), json!(1)));

    // Another node knows nothing of it.
    let token = format!("/admin/gateways/{}/join-token", at.gateway);
    let token = at.plane.admin.post(&token, json!({})).await.1["token"].clone();
    let join = json!({ "token": token, "public_key": key(), "agent_version": "0.0.9" });
    assert_eq!(at.plane.server.client().post("/gateways/join", join).await.0, 201);
    assert_error(&at.plane.admin.get(&at.path()).await, 404, "not_found");
    assert_error(&at.ask().await, 409, "agent_too_old");
    assert_true(&at.plane).await;
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let at = Rotated::start().await;
    at.report(json!({ "features": ["key_rotation"] })).await;
    let cases = [json!(null), json!("soon"), json!(in_hours(-1)), json!(in_hours(24 * 400))];
    for switch_at in cases {
        let body = with(json!({}), json!({ "switch_at": switch_at }));
        let answer = at.plane.admin.send(Method::POST, &at.path(), &[], Some(body)).await;
        assert_invalid(&answer, "switch_at", &switch_at);
    }
    let keyless = id(&at.plane.create("gateways", super::gateway("bare", "100.98.0.0/16")).await);
    let body = json!({ "switch_at": in_hours(1) });
    let bare = format!("/admin/gateways/{keyless}/key-rotation");
    assert_error(&at.plane.admin.post(&bare, body.clone()).await, 409, "gateway_not_ready");
    let nobody = format!("/admin/gateways/{NOBODY}/key-rotation");
    assert_error(&at.plane.admin.post(&nobody, body).await, 404, "not_found");
    for path in [&bare, &nobody] {
        assert_error(&at.plane.admin.get(path).await, 404, "not_found");
        assert_error(&at.plane.admin.get(&format!("{path}/devices")).await, 404, "not_found");
        let switch = at.plane.admin.post(&format!("{path}/switch"), json!({})).await;
        assert_error(&switch, 404, "not_found");
    }

    // Nothing is due for a gateway that is gone.
    assert_eq!(at.ask().await.0, 202);
    let gateway = format!("/admin/gateways/{}", at.gateway);
    assert_eq!(at.plane.admin.delete(&gateway).await.0, 204);
    assert_error(&at.plane.admin.get(&at.path()).await, 404, "not_found");
    let due: i64 =
        sqlx::query_scalar("SELECT count(*) FROM due").fetch_one(&at.plane.db.pool).await.unwrap();
    assert_eq!(due, 0);
}
