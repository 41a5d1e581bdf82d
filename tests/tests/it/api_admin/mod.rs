//! The admin routes: what each does, what each refuses and how it says so.

mod access;
mod audit;
mod bulk;
mod convergence;
mod device_moves;
mod devices;
mod export;
mod gateways;
mod groups;
mod import;
mod key_rotation;
mod pending;
mod permissions;
mod policies;
mod preshared;
mod preview;
mod restore;
mod sync;
mod users;

use base64::{Engine, prelude::BASE64_STANDARD};
use nexavpn_api::serve::ServeOptions;
use nexavpn_tests::harness::{Answer, Client, TestDb, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

/// An id that nothing has.
pub(crate) const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// A control plane of the test's own, and its admin.
pub(crate) struct Plane {
    pub(crate) admin: Client,
    pub(crate) server: TestServer,
    // Dropped last: the server still uses it.
    pub(crate) db: TestDb,
}

impl Plane {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// One with other options.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let db = TestDb::new().await;
        let server = TestServer::start_with(&db.server_url, change).await;
        Self { admin: server.admin().await, server, db }
    }

    /// Creates something and answers it.
    pub(crate) async fn create(&self, collection: &str, body: Value) -> Value {
        let (status, entity) = self.admin.post(&format!("/admin/{collection}"), body).await;
        assert_eq!(status, 201, "{collection}: {entity}");
        entity
    }

    /// A user, by id.
    pub(crate) async fn user(&self, username: &str) -> String {
        id(&self.create("users", json!({ "username": username })).await)
    }

    /// A user made by the write side itself, by id, for tests that need many.
    pub(crate) async fn user_quietly(&self, username: String) -> String {
        let new = nexavpn_commands::NewUser {
            username,
            display_name: None,
            email: None,
            role: None,
            password: None,
            must_change_password: false,
        };
        let request = nexavpn_tests::harness::request();
        let done = self.server.commands().create_user(&request, new).await;
        done.unwrap_or_else(|error| panic!("no user: {error}")).value.to_string()
    }

    /// A gateway with a key, by id; devices can enrol at it.
    pub(crate) async fn gateway(&self, name: &str, pool: &str) -> String {
        id(&self
            .create("gateways", with(gateway(name, pool), json!({ "public_key": key() })))
            .await)
    }

    /// A gateway with these settings besides whose node has joined: its id, and what the node was
    /// answered.
    pub(crate) async fn joined(&self, name: &str, pool: &str, more: Value) -> (String, Value) {
        let id = id(&self.create("gateways", with(gateway(name, pool), more)).await);
        let path = format!("/admin/gateways/{id}/join-token");
        let token = self.admin.post(&path, json!({})).await.1["token"].clone();
        let join = json!({ "token": token, "public_key": key(), "agent_version": "0.1.0" });
        let (status, joined) = self.server.client().post("/gateways/join", join).await;
        assert_eq!(status, 201, "{joined}");
        (id, joined)
    }

    /// The client that a joined node is.
    pub(crate) fn node(&self, joined: &Value) -> Client {
        self.server.client().with_token(joined["credential"].as_str().unwrap())
    }

    /// A device of a user, by id.
    pub(crate) async fn device(&self, user: &str, name: &str) -> String {
        let body = json!({ "name": name, "public_key": key() });
        let (status, answer) = self.admin.post(&format!("/admin/users/{user}/devices"), body).await;
        assert_eq!(status, 201, "{answer}");
        id(&answer["device"])
    }

    /// Every wrong value is refused with 400 and names its field.
    pub(crate) async fn refuses(
        &self,
        method: Method,
        path: &str,
        valid: &Value,
        cases: &[(&str, Value)],
    ) {
        for (field, patch) in cases {
            let body = with(valid.clone(), patch.clone());
            let answer = self.admin.send(method.clone(), path, &[], Some(body)).await;
            assert_invalid(&answer, field, patch);
        }
    }
}

/// The usual gateway body.
pub(crate) fn gateway(name: &str, pool: &str) -> Value {
    json!({ "name": name, "endpoint": "vpn.example.com:51820", "address_pool_v4": pool })
}

/// A body with some fields set, or taken out where they are null.
pub(crate) fn with(mut body: Value, patch: Value) -> Value {
    let (Some(fields), Value::Object(patch)) = (body.as_object_mut(), patch) else { return body };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(&name);
        } else {
            fields.insert(name, value);
        }
    }
    body
}

/// A WireGuard public key: nearly every 32 bytes are one.
pub(crate) fn key() -> String {
    let mut bytes: [u8; 32] = rand::random();
    bytes[31] &= 0x3f;
    BASE64_STANDARD.encode(bytes)
}

/// The id of an entity.
pub(crate) fn id(entity: &Value) -> String {
    entity["id"].as_str().unwrap_or_else(|| panic!("no id in {entity}")).to_owned()
}

pub(crate) fn assert_error(answer: &(u16, Value), status: u16, code: &str) {
    assert_eq!(answer.0, status, "{}", answer.1);
    assert_eq!(answer.1["error"]["code"], code, "{}", answer.1);
    assert!(answer.1["error"]["request_id"].is_string(), "{}", answer.1);
}

pub(crate) fn assert_invalid(answer: &Answer, field: &str, sent: &Value) {
    assert_eq!(answer.status, 400, "{sent}: {}", answer.body);
    let error = &answer.body["error"];
    assert_eq!(error["code"], "validation_error", "{sent}: {error}");
    let details = error["details"].as_array().cloned().unwrap_or_default();
    assert!(details.iter().any(|d| d["field"] == field), "{sent}: {field} is not in {error}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains(field), "{sent}: {field} is not in {message:?}");
}

/// A conflict names its code and the field at fault.
pub(crate) fn assert_conflict(answer: &(u16, Value), code: &str, field: &str) {
    assert_error(answer, 409, code);
    assert_eq!(answer.1["error"]["details"][0]["field"], field, "{}", answer.1);
}

/// The members' ids of a page.
pub(crate) fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().map(|items| items.iter().map(id).collect()).unwrap_or_default()
}
