//! Gateways and their nodes, webhooks, and what proves the record.

use serde_json::{Value, json};

use super::{MARK, Marked, drive::text};
use crate::scenario::{key, unjoined};

impl Marked {
    pub(super) async fn gateways(&mut self, person: &str) {
        let created = self.admin("POST /admin/gateways", &[], unjoined("oslo", "100.97.0.0/16"));
        let id = text(&created.await["id"]);
        let one = [id.as_str()];
        self.admin("GET /admin/gateways", &[], Value::Null).await;
        self.admin("GET /admin/gateways/{id}", &one, Value::Null).await;
        let patch = json!({ "mtu": 1380, "preshared_keys": true });
        self.admin("PATCH /admin/gateways/{id}", &one, patch).await;
        let issued = self.admin("POST /admin/gateways/{id}/join-token", &one, json!({})).await;
        self.drive.told.note("a join token", &issued["token"]);
        let join = json!({
            "token": issued["token"], "public_key": key(), "agent_version": "0.1.0",
        });
        let stranger = self.stranger.clone();
        let joined =
            self.drive.call(&stranger, "POST /gateways/join", &[], Some(join.clone())).await;
        self.drive.told.note("a gateway's credential", &joined["credential"]);
        // It works once.
        self.drive.refuses(&stranger, "POST /gateways/join", Some(join), &[], 403).await;
        let node = stranger.with_token(text(&joined["credential"]));
        self.drive.call(&node, "GET /admin/gateways/{id}/signing-keys", &one, None).await;
        let tv = json!({ "name": format!("{MARK}'s TV"), "generate_key": true, "gateway_id": id });
        let tv = self.admin("POST /admin/users/{id}/devices", &[person], tv).await;
        self.drive.told.note_profile(&tv);
        let secrets = self.drive.call(&node, "GET /admin/gateways/{id}/secrets", &one, None).await;
        assert_eq!(secrets["secrets"].as_object().unwrap().len(), 1, "{secrets}");
        self.drive.call(&node, "GET /admin/gateways/{id}/sync", &one, None).await;
        self.drive.call(&node, "GET /admin/gateways/{id}/sync/stream", &one, None).await;
        let status = json!({
            "agent_version": "0.1.0", "peers": [], "reported_at": "2026-05-03T12:00:00Z",
            "features": ["key_rotation"],
        });
        self.drive.call(&node, "POST /gateways/{id}/status", &one, Some(status.clone())).await;
        let rotation = "/admin/gateways/{id}/key-rotation";
        for number in 1..=2 {
            let at = chrono::Utc::now() + chrono::TimeDelta::days(1);
            let start = json!({ "switch_at": at });
            self.admin(&format!("POST {rotation}"), &one, start).await;
            self.admin(&format!("GET {rotation}"), &one, Value::Null).await;
            self.admin(&format!("GET {rotation}/devices"), &one, Value::Null).await;
            let mut status = status.clone();
            status["next_key"] = json!({ "rotation": number, "public_key": key() });
            self.drive.call(&node, "POST /gateways/{id}/status", &one, Some(status)).await;
            if number == 1 {
                self.admin(&format!("DELETE {rotation}"), &one, Value::Null).await;
            } else {
                self.admin(&format!("POST {rotation}/switch"), &one, json!({})).await;
            }
        }
        self.admin("GET /admin/gateways/{id}/convergence", &one, Value::Null).await;
        self.admin("GET /admin/gateways/{id}/bundles", &one, Value::Null).await;
        self.admin("GET /admin/gateways/{id}/bundle", &one, Value::Null).await;
        self.admin("GET /admin/gateways/{id}/metrics", &one, Value::Null).await;
        let tv = text(&tv["device"]["id"]);
        self.admin("POST /admin/devices/{id}/revoke", &[&tv], json!({})).await;
        self.admin("POST /admin/gateways/{id}/drain", &one, json!({})).await;
        self.admin("GET /admin/gateways/{id}/drain", &one, Value::Null).await;
        self.admin("DELETE /admin/gateways/{id}/drain", &one, Value::Null).await;
        self.admin("DELETE /admin/gateways/{id}", &one, Value::Null).await;
    }

    /// Where nobody answers.
    pub(super) async fn webhooks(&mut self) {
        let new = json!({ "url": "http://127.0.0.1:9/" });
        let made = self.admin("POST /admin/webhooks", &[], new).await;
        self.drive.told.note("a webhook's secret", &made["secret"]);
        let id = text(&made["id"]);
        let one = [id.as_str()];
        self.admin("GET /admin/webhooks", &[], Value::Null).await;
        let patch = json!({ "description": "for the record" });
        self.admin("PATCH /admin/webhooks/{id}", &one, patch).await;
        let route = "POST /admin/webhooks/{id}/rotate-secret";
        let rotated = self.admin(route, &one, json!({})).await;
        self.drive.told.note("a webhook's secret", &rotated["secret"]);
        self.admin("POST /admin/webhooks/{id}/replay", &one, json!({ "from": 1 })).await;
        self.admin("POST /admin/webhooks/{id}/test", &one, json!({})).await;
        self.admin("GET /admin/webhooks/{id}", &one, Value::Null).await;
        self.admin("DELETE /admin/webhooks/{id}", &one, Value::Null).await;
    }

    /// What proves that nobody edited the record.
    pub(super) async fn proofs(&mut self) {
        for route in ["log", "checkpoint", "inclusion?idx=1", "consistency?from=1", "archive"] {
            self.admin(&format!("GET /admin/audit/{route}"), &[], Value::Null).await;
        }
        let tile = ["entries", "000.p/1"];
        self.admin("GET /admin/audit/tile/{level}/{place}", &tile, Value::Null).await;
        let pins = self.admin("GET /admin/audit/pins", &[], Value::Null).await;
        let note = json!({ "note": pins["checkpoint"] });
        self.admin("POST /admin/audit/pins", &[], note).await;
    }
}
