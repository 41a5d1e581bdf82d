//! A gateway's node: joining, fetching for itself, and nothing else.

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::VerifyingKey;
use nexavpn_bundle::JoinToken;
use serde_json::json;

use crate::api_admin::{Plane, assert_error, gateway, id, key};

#[tokio::test]
async fn a_node_joins_once_and_opens_its_own_resources_only() {
    let plane = Plane::start().await;
    let own = id(&plane.create("gateways", gateway("own", "100.96.0.0/16")).await);
    let other = id(&plane.create("gateways", gateway("other", "100.97.0.0/16")).await);
    let (_, token) =
        plane.admin.post(&format!("/admin/gateways/{own}/join-token"), json!({})).await;
    let token = token["token"].as_str().unwrap().to_owned();
    let join = json!({ "token": token, "public_key": key(), "agent_version": "0.1.0" });
    let (status, joined) = plane.server.client().post("/gateways/join", join.clone()).await;
    assert_eq!(status, 201, "{joined}");
    assert_eq!(joined["gateway_id"], own);
    // The key that the node is told to trust is the one that its token names.
    let raw = BASE64_STANDARD.decode(joined["signing_keys"][0].as_str().unwrap()).unwrap();
    let trusted = VerifyingKey::from_bytes(&raw.try_into().unwrap()).unwrap();
    assert!(token.parse::<JoinToken>().unwrap().names_signing_key(&trusted));
    let again = plane.server.client().post("/gateways/join", join).await;
    assert_error(&again, 403, "forbidden");
    // Without a token nobody learns which keys are in use.
    let taken =
        json!({ "token": token, "public_key": key_of(&plane, &own).await, "agent_version": "0" });
    assert_error(&plane.server.client().post("/gateways/join", taken).await, 403, "forbidden");

    let node = plane.server.client().with_token(joined["credential"].as_str().unwrap());
    let path = format!("/admin/gateways/{own}/sync");
    let answer = node.send(reqwest::Method::GET, &path, &[], None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let bundle = nexavpn_bundle::verify(answer.body.to_string().as_bytes(), &[trusted]);
    // Parsed and written again the bytes are the same only because they are canonical.
    assert!(bundle.is_ok(), "{bundle:?}");
    let etag = answer.header("etag").to_owned();
    let unchanged = node.send(reqwest::Method::GET, &path, &[("if-none-match", &etag)], None).await;
    assert_eq!((unchanged.status, unchanged.body.is_null()), (304, true));

    let foreign = node.get(&format!("/admin/gateways/{other}/sync")).await;
    assert_error(&foreign, 404, "not_found");
    assert_error(&node.get("/admin/users").await, 403, "forbidden");
    assert_error(&node.get("/auth/me").await, 403, "forbidden");
    let report = json!({
        "agent_version": "0.1.0", "applied": null, "rejected": null, "peers": [],
        "reported_at": "2026-01-01T00:00:00Z",
    });
    assert_eq!(node.post(&format!("/gateways/{own}/status"), report.clone()).await.0, 204);
    assert_error(
        &node.post(&format!("/gateways/{other}/status"), report.clone()).await,
        404,
        "not_found",
    );
    // A large gateway's report is large.
    let peer =
        |_| json!({ "public_key": key(), "latest_handshake": null, "rx_bytes": 1, "tx_bytes": 2 });
    let mut large = report;
    large["peers"] = (0..10_000).map(peer).collect();
    assert_eq!(node.post(&format!("/gateways/{own}/status"), large).await.0, 204);
}

/// The key of a gateway.
async fn key_of(plane: &Plane, id: &str) -> serde_json::Value {
    plane.admin.get(&format!("/admin/gateways/{id}")).await.1["public_key"].clone()
}
