//! Version 14's `wg0.json`.

use std::collections::BTreeMap;

use nexavpn_commands::DeviceSecrets;
use nexavpn_domain::values::PublicKey;
use nexavpn_tests::harness::{WIDE, poll_for, poll_until};
use serde_json::{Value, json};

use super::{Importer, client, devices, each, events, pair, wg0_json};
use crate::{
    api_admin::{Plane, assert_conflict, id, key, with},
    scenario::persons::tables,
};

const TO_ALICE: [&str; 4] = ["--owner", "Alice", "--endpoint", "vpn.example.com:51820"];

struct World {
    plane: Plane,
    importer: Importer,
    server: (String, String),
    clients: Vec<Value>,
}

impl World {
    async fn new() -> Self {
        let plane = Plane::start().await;
        plane.user("alice").await;
        let made = |n: u32, more: Value| {
            let at = json!({ "createdAt": format!("2024-05-0{n}T10:00:00.000Z") });
            with(with(client("phone", &format!("10.8.0.{}", n + 1)), at), more)
        };
        let clients = vec![
            made(1, json!({})),
            made(2, json!({ "name": "Phone", "enabled": false })),
            made(3, json!({ "name": "", "expiredAt": "2099-01-01T23:59:59.000Z" })),
            made(4, json!({ "name": "x".repeat(70), "expiredAt": "2020-01-01T23:59:59.000Z" })),
            made(5, json!({ "name": "router", "privateKey": null, "preSharedKey": "" })),
        ];
        let importer = Importer::of(&plane);
        Self { plane, importer, server: pair(), clients }
    }

    async fn import(&self, options: &[&str]) -> String {
        let file = wg0_json(&self.server, &self.clients).to_string();
        let file = self.importer.write("wg0.json", file);
        self.importer.imports(&file, &[&TO_ALICE, options].concat()).await
    }

    /// Imports, and waits until the server knows so many devices.
    async fn import_until(&self, options: &[&str], count: usize) -> (String, Vec<Value>) {
        let said = self.import(options).await;
        let there = poll_for(WIDE, || async {
            let there = devices(&self.plane).await;
            (there.len() == count).then_some(there)
        });
        (said, there.await)
    }

    async fn events(&self) -> i64 {
        events(&self.plane.db.pool).await
    }

    async fn gateway(&self) -> Value {
        let (_, page) = self.plane.admin.get("/admin/gateways").await;
        assert_eq!(page["total"], 1, "{page}");
        page["items"][0].clone()
    }

    async fn join(&self, gateway: &Value, public_key: &str) -> (u16, Value) {
        let path = format!("/admin/gateways/{}/join-token", id(gateway));
        let (_, token) = self.plane.admin.post(&path, json!({})).await;
        let join =
            json!({ "token": token["token"], "public_key": public_key, "agent_version": "0.1.0" });
        self.plane.server.client().post("/gateways/join", join).await
    }
}

#[tokio::test]
async fn clients_become_devices_with_all_that_they_have() {
    let world = World::new().await;
    let before = world.events().await;
    let dry = world.import(&["--dry-run"]).await;
    assert_eq!(world.events().await, before, "{dry}");
    let slots: i64 = sqlx::query_scalar("SELECT count(*) FROM ip_slot")
        .fetch_one(&world.plane.db.pool)
        .await
        .unwrap();
    assert_eq!((slots, dry.contains("dry run")), (0, true), "{dry}");

    let (said, devices) = world.import_until(&[], 5).await;
    let told = |said: &str| {
        let begin = said.split_once("Access:").unwrap().0.to_owned();
        // Ids are made for each run.
        begin.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told(&said), told(&dry), "a dry run says what happens");
    for words in [
        r#"Phone (2)"#,
        r#"was "Phone""#,
        "disabled",
        "unnamed 10.8.0.4",
        "expires 2099-01-01 23:59:59 UTC",
        "without preshared key; private key unknown",
        "Devices reach only what policies allow",
        "--allow-all",
        "when clients were created",
        "--private-key-file",
    ] {
        assert!(said.contains(words), "{words} in:\n{said}");
    }

    let long = "x".repeat(64);
    let names = ["phone", "Phone (2)", "unnamed 10.8.0.4", long.as_str(), "router"];
    assert_eq!(each(&devices, "name"), names, "the oldest first");
    let addresses = ["10.8.0.2", "10.8.0.3", "10.8.0.4", "10.8.0.5", "10.8.0.6"];
    assert_eq!(each(&devices, "assigned_ip"), addresses.map(|ip| format!("{ip}/32")));
    let states = ["active", "disabled", "active", "expired", "active"];
    assert_eq!(each(&devices, "status"), states);
    assert!(devices.iter().all(|device| device["username"] == "alice"), "{devices:?}");
    let keys: Vec<&str> =
        world.clients.iter().map(|client| client["publicKey"].as_str().unwrap()).collect();
    assert_eq!(each(&devices, "public_key"), keys);
    assert_eq!(devices[2]["expires_at"], "2099-01-01T23:59:59Z");
    for (device, client) in devices.iter().zip(&world.clients) {
        let public_key = PublicKey::parse(client["publicKey"].as_str().unwrap()).unwrap();
        let kept =
            world.plane.server.commands().device_secrets(id(device).parse().unwrap(), &public_key);
        let DeviceSecrets { private_key, preshared_key } = kept.await.unwrap();
        let known = |field: &str| client[field].as_str().filter(|text| !text.is_empty());
        assert_eq!(private_key.as_ref().map(|key| key.expose()), known("privateKey"));
        assert_eq!(preshared_key.as_ref().map(|key| key.expose()), known("preSharedKey"));
    }

    // Who did it and why.
    let (_, log) = world.plane.admin.get("/admin/audit-logs?event_type=device.enrolled").await;
    assert_eq!(log["items"].as_array().unwrap().len(), 5, "{log}");
    for entry in log["items"].as_array().unwrap() {
        assert_eq!(entry["actor"]["type"], "system", "{entry}");
        assert_eq!(entry["reason"], "moved over from wg-easy 14", "{entry}");
    }
    // No key but the public ones is anywhere in the clear, the server's private one nowhere at all.
    let rows = tables(&world.plane.db.pool).await;
    let secret = |client: &Value| [client["privateKey"].clone(), client["preSharedKey"].clone()];
    let secrets = world.clients.iter().flat_map(secret).chain([json!(world.server.0)]);
    for secret in
        secrets.filter_map(|s| s.as_str().filter(|s| !s.is_empty()).map(str::to_lowercase))
    {
        let shown = rows.iter().find(|(_, row)| row.contains(&secret));
        assert!(shown.is_none() && !said.to_lowercase().contains(&secret), "{shown:?}");
    }
}

#[tokio::test]
async fn the_gateway_takes_a_node_with_the_servers_key_only() {
    let world = World::new().await;
    let (_, devices) = world.import_until(&["--masquerade", "ens3", "--mtu", "1380"], 5).await;
    let gateway = world.gateway().await;
    for (field, value) in [
        ("name", json!("wg-easy")),
        ("endpoint", json!("vpn.example.com:51820")),
        ("listen_port", json!(51820)),
        ("address_pool_v4", json!("10.8.0.0/24")),
        ("tunnel_addresses", json!(["10.8.0.1"])),
        ("public_key", json!(world.server.1)),
        ("dns_servers", json!(["1.1.1.1"])),
        ("mtu", json!(1380)),
        ("persistent_keepalive", json!(0)),
        ("masquerade_interfaces", json!(["ens3"])),
        ("preshared_keys", json!(true)),
    ] {
        assert_eq!(gateway[field], value, "{field}");
    }
    let other = world.join(&gateway, &key()).await;
    assert_conflict(&other, "gateway_key_mismatch", "public_key");
    let message = other.1["error"]["message"].as_str().unwrap();
    assert!(message.contains("--private-key-file") && message.contains(&world.server.1));
    let (status, joined) = world.join(&gateway, &world.server.1).await;
    assert_eq!(status, 201, "{joined}");

    // The node gets those who are let in, with the preshared keys that they have.
    let node = world.plane.node(&joined);
    let path = format!("/admin/gateways/{}", id(&gateway));
    let (_, bundle) = node.get(&format!("{path}/sync")).await;
    let peers = bundle["payload"]["devices"].as_array().unwrap();
    let peers: BTreeMap<&str, &Value> =
        peers.iter().map(|peer| (peer["public_key"].as_str().unwrap(), peer)).collect();
    let (_, secrets) = node.get(&format!("{path}/secrets")).await;
    let mut expected: Vec<&str> =
        [0, 2, 4].map(|n: usize| world.clients[n]["publicKey"].as_str().unwrap()).to_vec();
    expected.sort_unstable();
    assert_eq!(peers.keys().copied().collect::<Vec<_>>(), expected, "{bundle}");
    for n in [0, 2] {
        let client = &world.clients[n];
        let peer = peers[client["publicKey"].as_str().unwrap()];
        let named = peer["psk_ref"].as_str().unwrap();
        assert_eq!(secrets["secrets"][named], client["preSharedKey"], "{secrets}");
        assert_eq!(peer["ips"], json!([devices[n]["assigned_ip"]]));
    }
    assert_eq!(peers[expected_key(&world, 4)]["psk_ref"], Value::Null);
}

fn expected_key(world: &World, n: usize) -> &str {
    world.clients[n]["publicKey"].as_str().unwrap()
}

#[tokio::test]
async fn a_second_import_changes_nothing_and_a_later_one_adds_what_is_new() {
    let mut world = World::new().await;
    let (_, devices) = world.import_until(&["--allow-all"], 5).await;
    let before = world.events().await;
    let again = world.import(&["--allow-all"]).await;
    assert_eq!(world.events().await, before, "{again}");
    assert!(again.contains("All of it is there already"), "{again}");

    // What was changed since is left as it is.
    let rename = json!({ "name": "Alice's phone" });
    let path = format!("/admin/devices/{}", id(&devices[0]));
    assert_eq!(world.plane.admin.patch(&path, rename).await.0, 200);
    let revoke = format!("/admin/devices/{}/revoke", id(&devices[4]));
    assert_eq!(world.plane.admin.post(&revoke, json!({})).await.0, 200);
    world.clients.push(client("tablet", "10.8.0.50"));
    let (said, devices) = world.import_until(&["--allow-all"], 6).await;
    let names: Vec<&str> = each(&devices, "name");
    assert!(names.contains(&"Alice's phone") && names.contains(&"tablet"), "{names:?}");
    assert_eq!(devices[4]["status"], "revoked");
    assert!(said.contains("revoked since") && said.contains("Done."), "{said}");
    let (_, log) = world.plane.admin.get("/admin/audit-logs?event_type=device.enrolled").await;
    assert_eq!(log["items"].as_array().unwrap().len(), 6, "only the new one was added");
}

/// As with wg-easy: the internet, the networks behind the gateway, and each other.
#[tokio::test]
async fn everything_is_reached_where_that_is_asked_for() {
    let world = World::new().await;
    let (_, devices) = world.import_until(&[], 5).await;
    let phone = id(&devices[0]);
    let reached = async |destination: &str| {
        let packet = format!("destination={destination}&protocol=tcp&port=443");
        let question = format!("/admin/access?device={phone}&{packet}");
        let (status, answer) = world.plane.admin.get(&question).await;
        assert_eq!(status, 200, "{answer}");
        answer["items"][0]["allowed"].as_bool().unwrap()
    };
    let destinations = ["192.168.1.10", "93.184.215.14", "10.8.0.3"];
    for destination in destinations {
        assert!(!reached(destination).await, "{destination} without a policy");
    }
    let said = world.import(&["--allow-all"]).await;
    assert!(said.contains("reach everything"), "{said}");
    for destination in destinations {
        poll_until(WIDE, || reached(destination)).await;
    }
}
