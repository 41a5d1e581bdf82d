//! Questions about the past.

mod access;
mod bundles;
mod enforced;
mod histories;
mod long_ago;
mod moments;

use nexavpn_tests::harness::Client;
use serde_json::{Value, json};

use crate::api_admin::Plane;

/// The number of the newest event, and when it took effect.
async fn newest(plane: &Plane) -> (i64, String) {
    let (status, page) = plane.admin.get("/admin/audit-logs?page_size=1").await;
    assert_eq!(status, 200, "{page}");
    let entry = &page["items"][0];
    (entry["idx"].as_i64().unwrap(), entry["time"].as_str().unwrap().to_owned())
}

/// A question that is answered.
async fn ask(plane: &Plane, path: &str) -> Value {
    let (status, answer) = plane.admin.get(path).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// A policy for somebody or something, by id.
async fn policy(plane: &Plane, name: &str, destination: &str, target: Value) -> String {
    let body = json!({
        "name": name, "effect": "allow", "destinations": [destination], "targets": [target],
    });
    crate::api_admin::id(&plane.create("policies", body).await)
}

/// A node that fetches and reports when it is told to.
struct Node {
    gateway: String,
    client: Client,
}

impl Node {
    async fn join(plane: &Plane, name: &str, pool: &str) -> Self {
        let (gateway, joined) = plane.joined(name, pool, json!({})).await;
        Self { gateway, client: plane.node(&joined) }
    }

    /// Fetches the newest bundle and says that it is in force; answers its revision.
    async fn apply(&self) -> i64 {
        let applied = self.fetch().await;
        self.says(&applied).await;
        applied["revision"].as_i64().unwrap()
    }

    /// Fetches the newest bundle and answers which it is.
    async fn fetch(&self) -> Value {
        let (status, bundle) =
            self.client.get(&format!("/admin/gateways/{}/sync", self.gateway)).await;
        assert_eq!(status, 200, "{bundle}");
        let payload = &bundle["payload"];
        json!({
            "epoch": payload["epoch"], "revision": payload["revision"], "sha256": bundle["sha256"],
        })
    }

    /// Says that a bundle is in force.
    async fn says(&self, applied: &Value) {
        let report = json!({
            "agent_version": "0.1.0", "applied": applied, "rejected": null, "peers": [],
            "reported_at": "2026-05-03T12:00:00Z",
        });
        let path = format!("/gateways/{}/status", self.gateway);
        let answer = self.client.post(&path, report).await;
        assert_eq!(answer.0, 204, "{}", answer.1);
    }
}
