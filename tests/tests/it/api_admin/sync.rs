//! `GET /admin/gateways/{id}/sync`, and what the node reports back.

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::VerifyingKey;
use nexavpn_bundle::verify;
use nexavpn_tests::harness::Client;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Plane, assert_error, gateway, id, key};

/// A gateway whose node has joined.
struct Node {
    id: String,
    credential: String,
    client: Client,
    signing: VerifyingKey,
}

impl Node {
    async fn join(plane: &Plane, name: &str, pool: &str) -> Self {
        let id = id(&plane.create("gateways", gateway(name, pool)).await);
        let path = format!("/admin/gateways/{id}/join-token");
        let (_, issued) = plane.admin.post(&path, json!({})).await;
        let body =
            json!({ "token": issued["token"], "public_key": key(), "agent_version": "0.1.0" });
        let (status, joined) = plane.server.client().post("/gateways/join", body).await;
        assert_eq!(status, 201, "{joined}");
        let signing = BASE64_STANDARD.decode(joined["signing_keys"][0].as_str().unwrap()).unwrap();
        let signing = VerifyingKey::from_bytes(&signing.try_into().unwrap()).unwrap();
        let credential = joined["credential"].as_str().unwrap().to_owned();
        let client = plane.server.client().with_token(credential.clone());
        Self { id, credential, client, signing }
    }

    fn sync_path(&self) -> String {
        format!("/admin/gateways/{}/sync", self.id)
    }

    /// The answer's very bytes, which the client of the harness would parse.
    async fn fetch(&self, plane: &Plane, headers: &[(&str, &str)]) -> (reqwest::Response, Vec<u8>) {
        let url = format!("{}/api/v1{}", plane.server.base_url, self.sync_path());
        let http = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
        let mut request = http.get(url).bearer_auth(&self.credential);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send().await.unwrap();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            body.extend_from_slice(&chunk);
        }
        (response, body)
    }

    async fn report(&self, applied: Value) -> u16 {
        let report = json!({
            "agent_version": "0.1.0", "applied": applied, "rejected": null, "peers": [],
            "reported_at": "2026-01-01T00:00:00Z",
        });
        self.client.post(&format!("/gateways/{}/status", self.id), report).await.0
    }
}

fn header(response: &reqwest::Response, name: &str) -> String {
    let value = response.headers().get(name);
    value.and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_node_gets_its_signed_bundle_and_304_until_it_changes() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;

    let (response, body) = node.fetch(&plane, &[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json");
    let bundle = verify(&body, &[node.signing]).unwrap();
    assert_eq!(bundle.payload.gateway_id, node.id);
    let devices: Vec<_> = bundle.payload.devices.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(devices, [device.as_str()]);
    let etag = header(&response, "etag");
    assert_eq!(etag, bundle.etag());

    let (response, body) = node.fetch(&plane, &[("if-none-match", &etag)]).await;
    assert_eq!((response.status().as_u16(), body.len()), (304, 0));
    assert_eq!(header(&response, "etag"), etag);
    // The admin sees the same bytes.
    let admin = plane.admin.send(Method::GET, &node.sync_path(), &[], None).await;
    assert_eq!(admin.header("etag").replace("-gzip", ""), etag);

    let revoke = plane.admin.post(&format!("/admin/devices/{device}/revoke"), json!({})).await;
    assert_eq!(revoke.0, 200);
    let (response, body) = node.fetch(&plane, &[("if-none-match", &etag)]).await;
    assert_eq!(response.status(), 200);
    let newer = verify(&body, &[node.signing]).unwrap();
    assert!(newer.payload.devices.is_empty());
    assert!(newer.payload.revision > bundle.payload.revision);
}

#[tokio::test]
async fn a_compressed_bundle_is_the_same_under_a_tag_of_its_own() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let (plain, body) = node.fetch(&plane, &[]).await;
    // This client asks for gzip by itself, and unpacks.
    let packed = node.client.send(Method::GET, &node.sync_path(), &[], None).await;
    assert_eq!(packed.body, serde_json::from_slice::<Value>(&body).unwrap());
    let (tag, plain) = (packed.header("etag").to_owned(), header(&plain, "etag"));
    assert_eq!(tag.strip_suffix("-gzip\""), plain.strip_suffix('"'));
    for tag in [tag, plain] {
        let headers = [("if-none-match", tag.as_str()), ("accept-encoding", "gzip")];
        let (response, body) = node.fetch(&plane, &headers).await;
        assert_eq!((response.status().as_u16(), body.len()), (304, 0), "{tag}");
    }
}

#[tokio::test]
async fn convergence_is_what_the_node_reports() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let (_, body) = node.fetch(&plane, &[]).await;
    let bundle = verify(&body, &[node.signing]).unwrap();
    let (epoch, revision) = bundle.position();
    let applied = json!({ "epoch": epoch, "revision": revision, "sha256": bundle.sha256 });
    assert_eq!(node.report(applied.clone()).await, 204);
    let path = format!("/admin/gateways/{}", node.id);
    let convergence = || async { plane.admin.get(&path).await.1["convergence"].clone() };
    let view = convergence().await;
    assert_eq!((&view["status"], &view["applied"]), (&json!("in_sync"), &applied), "{view}");
    assert_eq!(view["revision"], json!(revision));

    let alice = plane.user("alice").await;
    plane.device(&alice, "laptop").await;
    let view = convergence().await;
    assert_eq!(
        (&view["status"], &view["revisions_behind"]),
        (&json!("behind"), &json!(1)),
        "{view}"
    );
    assert!(view["since"].is_string());

    let ahead = json!({ "epoch": epoch, "revision": revision + 1000, "sha256": "a".repeat(64) });
    assert_eq!(node.report(ahead).await, 204);
    assert_eq!(convergence().await["status"], "history_lost");
    assert_error(&node.client.get(&node.sync_path()).await, 409, "history_lost");
}

#[tokio::test]
async fn a_credential_opens_its_own_gateway_only() {
    let plane = Plane::start().await;
    let node = Node::join(&plane, "gw", "100.96.0.0/24").await;
    let other = Node::join(&plane, "other", "100.97.0.0/24").await;
    assert_eq!(node.client.get(&node.sync_path()).await.0, 200);
    assert_error(&node.client.get(&other.sync_path()).await, 404, "not_found");
    let anonymous = plane.server.client();
    assert_error(&anonymous.get(&node.sync_path()).await, 401, "unauthenticated");
    let guess = anonymous.with_token("guess").get(&node.sync_path()).await;
    assert_error(&guess, 401, "invalid_token");
    let auditor = plane.server.user("audrey", "auditor").await;
    assert_error(&auditor.get(&node.sync_path()).await, 403, "forbidden");
}
