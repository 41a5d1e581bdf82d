//! The contract of the API, route by route and example by example (`tests/contract/nexavpn.json`).

use std::{collections::BTreeSet, sync::Mutex};

use nexavpn_tests::harness::Client;
use reqwest::Method;
use serde_json::{Value, json};

use super::{operations, tools::root};
use crate::api_admin::{Plane, gateway, id, key, with};

fn contract() -> Value {
    let text = std::fs::read_to_string(root().join("tests/contract/nexavpn.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn routes(contract: &Value) -> BTreeSet<String> {
    let routes = contract["routes"].as_array().unwrap();
    routes.iter().map(|route| route.as_str().unwrap().to_owned()).collect()
}

/// Every field of the example is there, and is of the same kind. What is a list in the example
/// is one with rows of that shape.
fn has_shape(place: &str, example: &Value, answer: &Value) {
    match (example, answer) {
        (Value::Object(example), Value::Object(answer)) => {
            for (name, value) in example {
                let place = format!("{place}.{name}");
                has_shape(&place, value, answer.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(example), Value::Array(answer)) => {
            assert!(!answer.is_empty(), "{place} is empty");
            for row in answer {
                has_shape(&format!("{place}[]"), &example[0], row);
            }
        }
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => {}
        _ => panic!("{place} is {answer}, and not like {example}"),
    }
}

/// Calls routes by their patterns, and notes which.
struct Walk {
    called: Mutex<BTreeSet<String>>,
}

impl Walk {
    /// The answer to a request that must succeed with this status.
    async fn call(
        &self,
        client: &Client,
        (method, pattern, named): (Method, &str, &str),
        body: Option<Value>,
        status: u16,
    ) -> Value {
        self.called.lock().unwrap().insert(format!("{method} {pattern}"));
        let path = pattern.replace("{id}", named);
        let answer = client.send(method.clone(), &path, &[], body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        answer.body
    }

    async fn get(&self, client: &Client, pattern: &str, named: &str) -> Value {
        self.call(client, (Method::GET, pattern, named), None, 200).await
    }

    async fn post(&self, client: &Client, pattern: &str, named: &str, body: Value) -> Value {
        self.call(client, (Method::POST, pattern, named), Some(body), 200).await
    }

    async fn create(&self, client: &Client, pattern: &str, body: Value) -> Value {
        self.call(client, (Method::POST, pattern, ""), Some(body), 201).await
    }

    async fn patch(&self, client: &Client, pattern: &str, named: &str, body: Value) -> Value {
        self.call(client, (Method::PATCH, pattern, named), Some(body), 200).await
    }

    /// A list holds the entity, and each of its rows what one alone is shown with.
    async fn listed(&self, client: &Client, pattern: &str, entity: &Value) {
        let list = self.get(client, pattern, "").await;
        let items = list["items"].as_array().unwrap();
        let row = items.iter().find(|row| row["id"] == entity["id"]);
        assert!(row.is_some(), "{pattern} does not list {entity}");
        for field in ["page", "page_size", "total"] {
            assert!(list[field].is_u64(), "{pattern}: {list}");
        }
    }
}

#[test]
fn every_route_of_the_contract_is_in_the_document() {
    let documented: BTreeSet<String> =
        operations().iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let routes = routes(&contract());
    let missing: Vec<_> = routes.difference(&documented).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test]
async fn every_route_and_example_of_the_contract_is_as_it_says() {
    let contract = contract();
    let plane = Plane::start().await;
    let walk = Walk { called: Mutex::default() };
    let alice = users(&walk, &plane, &contract).await;
    let gateway = gateways(&walk, &plane).await;
    let policy = policies(&walk, &plane, &contract, alice.user_id()).await;
    devices(&walk, &plane, &contract, &alice).await;
    let bundle = walk.get(&plane.admin, "/admin/gateways/{id}/sync", &gateway).await;
    assert!(bundle["payload"]["devices"].is_array(), "{bundle}");
    let gone = (Method::DELETE, "/admin/policies/{id}", policy.as_str());
    walk.call(&plane.admin, gone, None, 204).await;
    audit(&walk, &plane.admin, &contract).await;
    sessions(&walk, &plane, &contract, &alice).await;
    assert_eq!(*walk.called.lock().unwrap(), routes(&contract), "the walk and the contract");
    plane.server.stop().await;
}

/// Alice, signed in with the contract's request.
async fn users(walk: &Walk, plane: &Plane, contract: &Value) -> Client {
    let admin = &plane.admin;
    let login = &contract["login"];
    let new = json!({
        "username": login["request"]["username"], "display_name": "Alice", "role": "admin",
        "password": login["request"]["password"],
    });
    let made = walk.create(admin, "/admin/users", new).await;
    let alice = id(&made);
    walk.listed(admin, "/admin/users", &made).await;
    assert_eq!(walk.get(admin, "/admin/users/{id}", &alice).await["username"], "alice");
    let named = json!({ "email": "alice@example.com" });
    let changed = walk.patch(admin, "/admin/users/{id}", &alice, named).await;
    assert_eq!(changed["email"], "alice@example.com");
    let off = walk.post(admin, "/admin/users/{id}/disable", &alice, json!({})).await;
    assert_eq!(off["status"], "disabled");
    let on = walk.post(admin, "/admin/users/{id}/enable", &alice, json!({})).await;
    assert_eq!(on["status"], "active");
    let password = json!({
        "password": login["request"]["password"], "must_change_password": false,
    });
    walk.post(admin, "/admin/users/{id}/password", &alice, password).await;

    let stranger = plane.server.client();
    let session = walk.post(&stranger, "/auth/login", "", login["request"].clone()).await;
    has_shape("login", &login["response"], &session);
    assert_eq!(session["expires_in"], login["response"]["expires_in"]);
    assert_eq!(session["user"]["display_name"], login["response"]["user"]["display_name"]);
    let mut client = stranger.with_token(session["access_token"].as_str().unwrap());
    client.session = session;
    let me = walk.get(&client, "/auth/me", "").await;
    has_shape("me", &login["response"]["user"], &me);
    client
}

async fn gateways(walk: &Walk, plane: &Plane) -> String {
    let admin = &plane.admin;
    let new = gateway("primary-gateway", "100.96.0.0/16");
    let new = with(new, json!({ "public_key": key(), "dns_servers": ["10.20.0.53"] }));
    let made = walk.create(admin, "/admin/gateways", new).await;
    let named = id(&made);
    walk.listed(admin, "/admin/gateways", &made).await;
    assert_eq!(walk.get(admin, "/admin/gateways/{id}", &named).await["id"], made["id"]);
    let moved = json!({ "endpoint": "vpn.example.com:51820" });
    let moved = walk.patch(admin, "/admin/gateways/{id}", &named, moved).await;
    assert_eq!(moved["endpoint"], "vpn.example.com:51820");
    named
}

async fn policies(walk: &Walk, plane: &Plane, contract: &Value, alice: &str) -> String {
    let admin = &plane.admin;
    let mut example = contract["policy"]["request"].clone();
    example["targets"][0]["id"] = json!(alice);
    let made = walk.create(admin, "/admin/policies", example.clone()).await;
    for (field, value) in example.as_object().unwrap() {
        assert_eq!(made[field], *value, "{field}");
    }
    let named = id(&made);
    walk.listed(admin, "/admin/policies", &made).await;
    has_shape("policy", &example, &walk.get(admin, "/admin/policies/{id}", &named).await);
    let changed =
        walk.patch(admin, "/admin/policies/{id}", &named, json!({ "priority": 90 })).await;
    assert_eq!(changed["priority"], 90);
    named
}

async fn devices(walk: &Walk, plane: &Plane, contract: &Value, alice: &Client) {
    let admin = &plane.admin;
    let enroll = &contract["enroll"];
    let mut request = enroll["request"].clone();
    request["public_key"] = json!(key());
    let enrolled = walk.create(alice, "/devices/enroll", request.clone()).await;
    has_shape("enroll", &enroll["response"], &enrolled);
    for pointer in [
        "/device/name",
        "/device/status",
        "/peer/dns_servers",
        "/peer/gateway/name",
        "/peer/gateway/endpoint",
        "/peer/profile_revision",
        "/profile/format",
        "/resources/0/type",
    ] {
        assert_eq!(enrolled.pointer(pointer), enroll["response"].pointer(pointer), "{pointer}");
    }
    let text = enrolled["profile"]["content"].as_str().unwrap();
    assert!(text.starts_with("[Interface]\n"), "{text}");
    refused(alice, contract, request).await;

    let named = id(&enrolled["device"]);
    let own = walk.get(alice, "/me/devices", "").await;
    assert_eq!(own["items"][0]["id"], enrolled["device"]["id"]);
    let again = walk.get(alice, "/me/profile", "").await;
    has_shape("me/profile", &enroll["response"], &again);
    let debug = walk.get(admin, "/devices/{id}/profile", &named).await;
    has_shape("devices/profile", &enroll["response"], &debug);
    let status = walk.get(alice, "/connection/status", "").await;
    assert_eq!(status["assigned_ip"], enrolled["peer"]["assigned_ip"]);
    assert_eq!(status["resources"], enrolled["resources"]);
    assert!(status.as_object().unwrap().contains_key("last_sync_at"), "{status}");
    let seen = json!({ "app_version": "0.1.1" });
    walk.post(alice, "/devices/{id}/heartbeat", &named, seen).await;

    let listed = json!({ "id": named });
    walk.listed(admin, "/admin/devices", &listed).await;
    let seen = walk.get(admin, "/admin/devices/{id}", &named).await;
    assert_eq!((seen["app_version"].as_str(), &seen["id"]), (Some("0.1.1"), &listed["id"]));
    let renamed = json!({ "name": "Alice's old MacBook" });
    walk.patch(admin, "/admin/devices/{id}", &named, renamed).await;
    for (client, pattern, revision) in
        [(alice, "/devices/{id}/rotate", 2), (admin, "/admin/devices/{id}/rotate", 3)]
    {
        let rotated = walk.post(client, pattern, &named, json!({})).await;
        assert_eq!(rotated["profile_revision"], revision, "{rotated}");
        assert_eq!(rotated["reprovision_required"], true, "{rotated}");
    }
    let revoked = walk.post(alice, "/devices/{id}/revoke", &named, json!({})).await;
    assert_eq!(revoked["status"], "revoked");
    let other = plane.device(alice.user_id(), "another").await;
    let revoked = walk.post(admin, "/admin/devices/{id}/revoke", &other, json!({})).await;
    assert_eq!(revoked["status"], "revoked");
}

/// The contract's error, word by word.
async fn refused(alice: &Client, contract: &Value, mut request: Value) {
    request.as_object_mut().unwrap().remove("public_key");
    let (status, body) = alice.post("/devices/enroll", request).await;
    assert_eq!(status, 400);
    for field in ["code", "message"] {
        assert_eq!(body["error"][field], contract["error"]["error"][field], "{body}");
    }
}

async fn audit(walk: &Walk, admin: &Client, contract: &Value) {
    let all = walk.get(admin, "/admin/audit-logs", "").await;
    assert!(all["total"].as_u64().is_some_and(|n| n > 10), "{all}");
    let parameters = contract["audit_query"].as_array().unwrap();
    let values = ["device.enrolled", "device", "success", "1", "5"];
    assert_eq!(parameters.len(), values.len());
    for (name, value) in parameters.iter().zip(values) {
        let (status, page) =
            admin.get(&format!("/admin/audit-logs?{}={value}", name.as_str().unwrap())).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        assert!(!items.is_empty(), "{name}={value}");
        let filter = name.as_str().filter(|n| !n.starts_with("page"));
        assert!(filter.is_none_or(|n| items.iter().all(|i| i[n] == value)), "{name}: {page}");
    }
}

async fn sessions(walk: &Walk, plane: &Plane, contract: &Value, alice: &Client) {
    let mut request = contract["refresh"]["request"].clone();
    request["refresh_token"] = alice.session["refresh_token"].clone();
    let stranger = plane.server.client();
    let next = walk.post(&stranger, "/auth/refresh", "", request).await;
    has_shape("refresh", &contract["login"]["response"], &next);
    let mut request = contract["logout"]["request"].clone();
    request["refresh_token"] = next["refresh_token"].clone();
    let logout = (Method::POST, "/auth/logout", "");
    walk.call(&stranger, logout, Some(request), 204).await;
    assert_eq!(alice.get("/auth/me").await.0, 401, "the session goes on");
}
