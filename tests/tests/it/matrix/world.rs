//! Real objects, another one for each cell, so that no cell sees what another one did.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::TimeDelta;
use nexavpn_api::serve::ServeOptions;
use nexavpn_tests::harness::{Client, PASSWORD, TestDb, TestServer};
use serde_json::{Value, json};

use super::{
    NOBODY,
    spec::{Object, PRESENT},
};
use crate::api_admin::{gateway, id, key, with};

/// A control plane with a gateway where devices can be.
pub(super) struct World {
    pub(super) server: TestServer,
    pub(super) admin: Client,
    /// Where devices are.
    pub(super) gateway: String,
    made: AtomicU32,
    /// Where it is of its own, removed with this.
    db: Option<TestDb>,
}

impl World {
    pub(super) async fn make() -> Self {
        Self::make_with(|_| {}).await
    }

    pub(super) async fn make_with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let db = TestDb::new().await;
        let mut world = Self::make_on(&db.server_url, change).await;
        world.db = Some(db);
        world
    }

    /// The same on a database of the test's choice.
    pub(super) async fn make_on(url: &str, change: impl FnOnce(&mut ServeOptions)) -> Self {
        let server = TestServer::start_with(url, |options| {
            options.settings.devices_per_user = 1_000;
            change(options);
        })
        .await;
        let admin = server.admin().await;
        let made = AtomicU32::new(0);
        let mut world = Self { server, admin, gateway: String::new(), made, db: None };
        let body = with(gateway("devices", "100.64.0.0/16"), json!({ "public_key": key() }));
        world.gateway = world.create("gateways", body).await;
        world
    }

    /// The body with the number of the last event where it stands for the present.
    pub(super) async fn present(&self, body: Option<Value>) -> Option<Value> {
        let body = body?;
        if body["at"] != PRESENT {
            return Some(body);
        }
        let log = self.server.commands().store().log();
        Some(with(body, json!({ "at": log.head().await.unwrap().idx })))
    }

    fn number(&self) -> u32 {
        self.made.fetch_add(1, Ordering::SeqCst)
    }

    async fn create(&self, collection: &str, body: Value) -> String {
        let (status, made) = self.admin.post(&format!("/admin/{collection}"), body).await;
        assert_eq!(status, 201, "{collection}: {made}");
        id(&made)
    }

    /// Somebody new who is signed in, and their login name.
    pub(super) async fn new_user(&self, role: &str) -> (Client, String) {
        let name = format!("{role}-{}", self.number());
        (self.server.user(&name, role).await, name)
    }

    pub(super) fn policy(name: &str) -> Value {
        json!({
            "name": name, "priority": 1, "effect": "allow", "destinations": ["172.16.0.0/24"],
            "targets": [],
        })
    }

    /// Where nobody answers.
    pub(super) fn webhook() -> Value {
        json!({ "url": "http://127.0.0.1:9/" })
    }

    pub(super) fn new_gateway(&self, name: &str) -> Value {
        let n = self.number();
        gateway(name, &format!("10.{}.{}.0/24", n / 256, n % 256))
    }

    async fn gateway_object(&self) -> String {
        let body = self.new_gateway(&format!("g{}", self.number()));
        self.create("gateways", with(body, json!({ "public_key": key() }))).await
    }

    pub(super) async fn join_token(&self) -> String {
        let body = self.new_gateway(&format!("g{}", self.number()));
        let gateway = self.create("gateways", body).await;
        let path = format!("/admin/gateways/{gateway}/join-token");
        let (_, token) = self.admin.post(&path, json!({})).await;
        token["token"].as_str().unwrap_or_else(|| panic!("{token}")).to_owned()
    }

    /// The newest checkpoint of the transparency log.
    pub(super) async fn checkpoint(&self) -> String {
        let (_, pins) = self.admin.get("/admin/audit/pins").await;
        pins["checkpoint"].as_str().unwrap_or_else(|| panic!("{pins}")).to_owned()
    }

    /// A gateway and the client of its node.
    pub(super) async fn node(&self) -> (String, Client) {
        let token = self.join_token().await;
        let body = json!({ "token": token, "public_key": key(), "agent_version": "0.1.0" });
        let (status, joined) = self.server.client().post("/gateways/join", body).await;
        assert_eq!(status, 201, "{joined}");
        let credential = joined["credential"].as_str().unwrap_or_default();
        let gateway = joined["gateway_id"].as_str().unwrap_or_default();
        (gateway.to_owned(), self.server.client().with_token(credential))
    }

    /// The ids of a new object, which belongs to this user where it belongs to anybody: what goes
    /// in the place of `{id}`, and of the second parameter.
    pub(super) async fn object(&self, object: Object, owner: &Client) -> (String, String) {
        let one = |id: String| (id, NOBODY.to_owned());
        match object {
            Object::Nothing => one(NOBODY.to_owned()),
            Object::Device | Object::DeviceInQuery => {
                let body = json!({
                    "name": format!("d{}", self.number()), "public_key": key(),
                    "gateway_id": self.gateway,
                });
                let path = format!("/admin/users/{}/devices", owner.user_id());
                let (status, made) = self.admin.post(&path, body).await;
                assert_eq!(status, 201, "{made}");
                one(id(&made["device"]))
            }
            Object::Session => {
                let name = owner.session["user"]["username"].as_str().unwrap_or_default();
                one(session_of(&self.server.client().login(name, PASSWORD).await).await)
            }
            Object::User => one(self.new_user("user").await.0.user_id().to_owned()),
            Object::UserSession => {
                let user = self.new_user("user").await.0;
                (user.user_id().to_owned(), session_of(&user).await)
            }
            Object::Group => one(self.group().await),
            Object::GroupMember => {
                let user = self.new_user("user").await.0;
                let group = self.group().await;
                let path = format!("/admin/groups/{group}/members/{}", user.user_id());
                let added = self.admin.send(reqwest::Method::PUT, &path, &[], None).await;
                assert!(matches!(added.status, 200 | 204), "{}", added.body);
                (group, user.user_id().to_owned())
            }
            Object::Policy => {
                one(self.create("policies", Self::policy(&format!("p{}", self.number()))).await)
            }
            Object::Gateway => one(self.gateway_object().await),
            Object::DrainedGateway => {
                let gateway = self.gateway_object().await;
                let path = format!("/admin/gateways/{gateway}/drain");
                let (status, answer) = self.admin.post(&path, json!({})).await;
                assert_eq!(status, 202, "{answer}");
                one(gateway)
            }
            Object::Webhook => one(self.create("webhooks", Self::webhook()).await),
            Object::JoinedGateway => one(self.joined_gateway().await.0),
            Object::RotatedGateway => {
                let (gateway, node) = self.joined_gateway().await;
                let path = format!("/admin/gateways/{gateway}/key-rotation");
                let body = json!({ "switch_at": self.tomorrow() });
                let (status, answer) = self.admin.post(&path, body).await;
                assert_eq!(status, 202, "{answer}");
                let next = json!({ "rotation": 1, "public_key": key() });
                rotating(&node, &gateway, json!({ "next_key": next })).await;
                let (_, answer) = self.admin.get(&path).await;
                assert_eq!(answer["status"], "announced", "{answer}");
                one(gateway)
            }
        }
    }

    /// A gateway whose node has reported that it can rotate its key.
    async fn joined_gateway(&self) -> (String, Client) {
        let (gateway, node) = self.node().await;
        rotating(&node, &gateway, json!({})).await;
        (gateway, node)
    }

    pub(super) fn tomorrow(&self) -> String {
        (self.server.commands().now() + TimeDelta::days(1)).to_rfc3339()
    }

    async fn group(&self) -> String {
        self.create("groups", json!({ "name": format!("g{}", self.number()) })).await
    }
}

/// Reports as an agent does that can rotate its node's key.
async fn rotating(node: &Client, gateway: &str, more: Value) {
    let report = json!({
        "agent_version": "0.1.0", "applied": null, "rejected": null, "peers": [],
        "reported_at": "2026-01-01T00:00:00Z", "features": ["key_rotation"],
    });
    let (status, answer) =
        node.post(&format!("/gateways/{gateway}/status"), with(report, more)).await;
    assert_eq!(status, 204, "{answer}");
}

/// The session that the client speaks in.
async fn session_of(client: &Client) -> String {
    let (_, sessions) = client.get("/me/sessions").await;
    let items = sessions["items"].as_array().cloned().unwrap_or_default();
    let current = items.iter().find(|s| s["current"] == true);
    id(current.unwrap_or_else(|| panic!("{sessions}")))
}
