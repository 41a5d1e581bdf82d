//! Clients whose gateway has got another key.

use chrono::{TimeDelta, Utc};
use nexavpn_tests::harness::Client;
use serde_json::{Value, json};

use super::{Dialect, of};
use crate::api_admin::{key, with};

impl Dialect {
    /// Lets a node join as the gateway, and say that it knows of rotations.
    async fn joined(&self) -> Client {
        let path = format!("/admin/gateways/{}/join-token", self.gateway);
        let token = self.admin.post(&path, json!({})).await.1["token"].clone();
        let (_, gateway) = self.admin.get(&format!("/admin/gateways/{}", self.gateway)).await;
        let own = &gateway["public_key"];
        let join = json!({ "token": token, "public_key": own, "agent_version": "0.1.0" });
        let (status, joined) = self.server.client().post("/gateways/join", join).await;
        assert_eq!(status, 201, "{joined}");
        let node = self.server.client().with_token(joined["credential"].as_str().unwrap());
        self.report(&node, json!({})).await;
        node
    }

    async fn report(&self, node: &Client, more: Value) {
        let report = json!({
            "agent_version": "0.1.0", "applied": null, "rejected": null, "peers": [],
            "reported_at": "2026-01-01T00:00:00Z", "features": ["key_rotation"],
        });
        let path = format!("/gateways/{}/status", self.gateway);
        let answer = node.post(&path, with(report, more)).await;
        assert_eq!(answer.0, 204, "{}", answer.1);
    }

    /// Asks for another key and has the node announce it.
    async fn rotate(&self, node: &Client, rotation: u32) -> String {
        let at = Utc::now() + TimeDelta::hours(1);
        let (status, begun) = self.admin.post(&self.rotation(), json!({ "switch_at": at })).await;
        assert_eq!(status, 202, "{begun}");
        let next = key();
        let announced = json!({ "rotation": rotation, "public_key": next });
        self.report(node, json!({ "next_key": announced })).await;
        next
    }

    async fn switch(&self) {
        let answer = self.admin.post(&format!("{}/switch", self.rotation()), json!({})).await;
        assert_eq!(answer.0, 202, "{}", answer.1);
    }

    fn rotation(&self) -> String {
        format!("/admin/gateways/{}/key-rotation", self.gateway)
    }

    /// How many clients have not fetched the new key.
    async fn left(&self) -> Value {
        let (status, progress) = self.admin.get(&self.rotation()).await;
        assert_eq!(status, 200, "{progress}");
        progress["devices_left"].clone()
    }
}

/// The file has one key: it counts as soon as that is the new one, and not before.
#[tokio::test]
async fn a_client_has_its_gateways_new_key_with_its_configuration() {
    let dialect = Dialect::start().await;
    let node = dialect.joined().await;
    let guest = dialect.cookie().await;
    for (rotation, form) in (1..).zip(["", "/configuration", "/qrcode.svg"]) {
        let client = of(&guest.create(&format!("client-{rotation}")).await);
        let path = format!("{client}{form}");
        let next = dialect.rotate(&node, rotation).await;
        let before = guest.get(&path).await;
        assert_eq!(before.status, 200, "{path}: {}", before.text);
        assert_eq!(dialect.left().await, 1, "{path}");
        dialect.switch().await;
        assert_eq!(dialect.left().await, 1, "{path}");
        // All clients at once, or a copy of all, are no client's configuration.
        guest.list().await;
        assert_eq!(guest.get("/api/wireguard/backup").await.status, 200);
        assert_eq!(dialect.left().await, 1, "{path}");
        let after = guest.get(&path).await;
        assert_eq!(after.status, 200, "{path}: {}", after.text);
        assert!(form == "/qrcode.svg" || after.text.contains(&next), "{path}: {}", after.text);
        assert_eq!(dialect.left().await, 0, "{path}");
        // One that is made now has it from the beginning.
        let made = guest.create("made-later").await;
        assert!(made["configuration"].as_str().unwrap().contains(&next), "{made}");
        assert_eq!(dialect.left().await, 0, "{path}");
        for gone in [client, of(&made)] {
            assert_eq!(guest.delete(&gone).await.status, 204);
        }
    }
}
