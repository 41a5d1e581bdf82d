//! Preshared keys: shown once to whoever gets the device's key, and to the node of its gateway.

use base64::{Engine, prelude::BASE64_STANDARD};
use nexavpn_bundle::{GatewaySecrets, psk_ref};
use nexavpn_tests::harness::{Client, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Plane, assert_error, id, key, with};

struct World {
    plane: Plane,
    gateway: String,
    node: Client,
    alice: Client,
}

impl World {
    async fn new() -> Self {
        let plane = Plane::start().await;
        let wanted = json!({ "preshared_keys": true });
        let (gateway, joined) = plane.joined("gw", "100.96.0.0/16", wanted).await;
        let node = plane.node(&joined);
        let alice = plane.server.user("alice", "user").await;
        Self { plane, gateway, node, alice }
    }

    async fn set(&self, settings: Value) {
        let path = format!("/admin/gateways/{}", self.gateway);
        let answer = self.plane.admin.patch(&path, settings).await;
        assert_eq!(answer.0, 200, "{}", answer.1);
    }

    /// What names the preshared keys in the newest bundle, by device.
    async fn named(&self) -> Vec<(String, Option<String>)> {
        let (status, bundle) =
            self.node.get(&format!("/admin/gateways/{}/sync", self.gateway)).await;
        assert_eq!(status, 200, "{bundle}");
        let devices = bundle["payload"]["devices"].as_array().unwrap();
        let named = |device: &Value| {
            let name = device["psk_ref"].as_str().map(str::to_owned);
            (device["id"].as_str().unwrap().to_owned(), name)
        };
        devices.iter().map(named).collect()
    }

    async fn secrets(&self) -> GatewaySecrets {
        let path = format!("/admin/gateways/{}/secrets", self.gateway);
        let answer = self.node.send(Method::GET, &path, &[], None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
        serde_json::from_value(answer.body).unwrap()
    }

    async fn add(&self, body: Value) -> Value {
        let (status, answer) = self.alice.post("/me/devices", body).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }

    /// The node has this key for this device, and no other.
    async fn node_has(&self, device: &str, preshared: &str) {
        let raw: [u8; 32] = BASE64_STANDARD.decode(preshared).unwrap().try_into().unwrap();
        assert_eq!(self.named().await, [(device.to_owned(), Some(psk_ref(&raw)))]);
        let secrets = self.secrets().await;
        assert_eq!(secrets.key(&psk_ref(&raw)), Some(raw));
        assert_eq!(secrets.secrets.len(), 1);
    }
}

fn content(answer: &Value) -> &str {
    answer["profile"]["content"].as_str().unwrap()
}

fn shown(answer: &Value) -> &str {
    let key = answer["peer"]["preshared_key"].as_str().unwrap();
    assert!(content(answer).contains(&format!("\nPresharedKey = {key}\n")), "{answer}");
    key
}

#[tokio::test]
async fn a_preshared_key_is_shown_with_the_devices_key_and_to_its_gateways_node() {
    let world = World::new().await;
    let added = world.add(json!({ "name": "phone", "generate_key": true })).await;
    let device = id(&added["device"]);
    assert_eq!(added["profile"]["complete"], true);
    world.node_has(&device, shown(&added)).await;

    // Nobody sees it again.
    let path = format!("/me/devices/{device}/profile");
    let (_, again) = world.alice.get(&path).await;
    assert!(!again.to_string().contains(shown(&added)), "{again}");
    assert!(content(&again).contains("\n# PresharedKey = add "), "{again}");
    assert!(again["peer"].get("preshared_key").is_none(), "{again}");
    let path = format!("/admin/gateways/{}/secrets", world.gateway);
    assert_error(&world.plane.admin.get(&path).await, 403, "forbidden");
    let settings = json!({ "preshared_keys": true });
    let (_, other) = world.plane.joined("other", "100.97.0.0/16", settings).await;
    let other = world.plane.node(&other);
    assert_error(&other.get(&path).await, 404, "not_found");

    // Another key comes with another preshared key.
    let path = format!("/devices/{device}/key");
    let (status, renewed) = world.alice.post(&path, json!({ "public_key": key() })).await;
    assert_eq!(status, 200, "{renewed}");
    assert_ne!(shown(&renewed), shown(&added));
    assert_eq!(renewed["profile"]["complete"], false);
    world.node_has(&device, shown(&renewed)).await;

    let path = format!("/admin/devices/{device}");
    assert_eq!(world.plane.admin.get(&path).await.1["has_preshared_key"], true);
    let revoke = format!("{path}/revoke");
    assert_eq!(world.plane.admin.post(&revoke, json!({})).await.0, 200);
    assert!(world.secrets().await.secrets.is_empty());
}

#[tokio::test]
async fn a_client_that_missed_the_answer_gets_another_one() {
    let world = World::new().await;
    let body = json!({ "name": "laptop", "public_key": key() });
    let first = world.add(body.clone()).await;
    let (status, second) = world.alice.post("/me/devices", body).await;
    assert_eq!(status, 200, "{second}");
    assert_eq!(second["device"]["id"], first["device"]["id"]);
    assert_ne!(shown(&second), shown(&first));
    world.node_has(&id(&first["device"]), shown(&second)).await;
}

#[tokio::test]
async fn a_gateways_setting_counts_from_the_next_key() {
    let world = World::new().await;
    world.set(json!({ "preshared_keys": false })).await;
    let added = world.add(json!({ "name": "laptop", "public_key": key() })).await;
    let device = id(&added["device"]);
    assert!(!content(&added).contains("PresharedKey"), "{added}");
    assert_eq!(world.named().await, [(device.clone(), None)]);
    // Whoever has none goes on without.
    world.set(json!({ "preshared_keys": true })).await;
    assert_eq!(world.named().await, [(device.clone(), None)]);
    let path = format!("/devices/{device}/key");
    let (_, renewed) = world.alice.post(&path, json!({ "generate_key": true })).await;
    world.node_has(&device, shown(&renewed)).await;
    // And the other way round.
    world.set(json!({ "preshared_keys": false })).await;
    world.node_has(&device, shown(&renewed)).await;
    let (_, without) = world.alice.post(&path, json!({ "generate_key": true })).await;
    assert_eq!(
        (&without["profile"]["complete"], &without["peer"]["preshared_key"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(world.named().await, [(device, None)]);
    assert!(world.secrets().await.secrets.is_empty());
}

#[tokio::test]
async fn a_repeated_request_does_not_show_it_again() {
    let world = World::new().await;
    let body = json!({ "name": "laptop", "public_key": key() });
    let headers = [("idempotency-key", "one")];
    let first = world.alice.send(Method::POST, "/me/devices", &headers, Some(body.clone())).await;
    let again = world.alice.send(Method::POST, "/me/devices", &headers, Some(body)).await;
    assert_eq!((first.status, again.status), (201, 201), "{}", again.body);
    assert!(!again.body.to_string().contains(shown(&first.body)), "{}", again.body);
    assert_eq!(again.body["secret_already_shown"], true, "{}", again.body);
    world.node_has(&id(&first.body["device"]), shown(&first.body)).await;
}

#[tokio::test]
async fn how_long_a_gateway_goes_on_alone_is_in_its_bundle() {
    let world = World::new().await;
    let path = format!("/admin/gateways/{}/sync", world.gateway);
    let limit = async || world.node.get(&path).await.1["payload"]["max_stale_s"].clone();
    assert_eq!(limit().await, Value::Null);
    world.set(json!({ "max_stale_s": 86_400 })).await;
    assert_eq!(limit().await, 86_400);
    world.set(json!({ "max_stale_s": 0 })).await;
    assert_eq!(limit().await, Value::Null);
    let path = format!("/admin/gateways/{}", world.gateway);
    let cases = [-1, 1, 59, 31_536_001].map(|n| ("max_stale_s", json!({ "max_stale_s": n })));
    world.plane.refuses(Method::PATCH, &path, &json!({}), &cases).await;
}

#[tokio::test]
async fn what_another_process_sets_counts_for_the_next_device() {
    let world = World::new().await;
    let plane = &world.plane;
    let other = TestServer::start_with(&plane.db.server_url, |_| {}).await;
    let admin = other.admin().await;
    let path = format!("/admin/gateways/{}", world.gateway);
    for n in 0..8 {
        // Half of them name their gateway.
        let wanted = n % 4 < 2;
        let (status, set) = admin.patch(&path, json!({ "preshared_keys": wanted })).await;
        assert_eq!(status, 200, "{set}");
        let named = json!({ "gateway_id": (n % 2 == 0).then_some(&world.gateway) });
        let added = with(json!({ "name": format!("device {n}"), "public_key": key() }), named);
        let answer = world.add(added).await;
        let key = &answer["peer"]["preshared_key"];
        assert_eq!(key.is_string(), wanted, "{n}: {answer}");
    }
    other.stop().await;
}
