//! Another gateway's bundle and report, with a node's own credential.

use nexavpn_api::auth::permissions::TABLE;
use nexavpn_tests::harness::Client;
use reqwest::Method;
use serde_json::json;

use crate::api_admin::{Plane, assert_error, gateway, id, key};

async fn join(plane: &Plane, name: &str, pool: &str) -> (String, Client) {
    let id = id(&plane.create("gateways", gateway(name, pool)).await);
    let issued = plane.admin.post(&format!("/admin/gateways/{id}/join-token"), json!({})).await.1;
    let body = json!({ "token": issued["token"], "public_key": key(), "agent_version": "0.1.0" });
    let (status, joined) = plane.server.client().post("/gateways/join", body).await;
    assert_eq!(status, 201, "{joined}");
    (id, plane.server.client().with_token(joined["credential"].as_str().unwrap()))
}

#[tokio::test]
async fn a_node_gets_nothing_that_is_not_its_own() {
    let plane = Plane::start().await;
    let (own, node) = join(&plane, "own", "100.96.0.0/24").await;
    let (other, _) = join(&plane, "other", "100.97.0.0/24").await;
    assert_eq!(node.get(&format!("/admin/gateways/{own}/sync")).await.0, 200);
    for path in [
        format!("/admin/gateways/{other}/sync"),
        format!("/admin/gateways/{other}/sync?gateway_id={own}"),
        format!("/admin/gateways/{other}/sync?since=0&x=/{own}/"),
        format!("/admin/gateways/{own}/../{other}/sync"),
        format!("/admin/gateways/{own}%2f..%2f{other}/sync"),
        format!("/admin/gateways/{other}%00/sync"),
        format!("/admin/gateways/{other}/sync/{own}"),
        format!("//admin/gateways/{other}/sync"),
    ] {
        for headers in [&[][..], &[("x-original-url", "/"), ("x-gateway-id", own.as_str())]] {
            let answer = node.send(Method::GET, &path, headers, None).await;
            assert!(
                matches!(answer.status, 403 | 404),
                "{path}: {} {}",
                answer.status,
                answer.body
            );
            assert!(!answer.body.to_string().contains("100.97"), "{path}: {}", answer.body);
        }
    }
    let report = json!({
        "agent_version": "0.1.0", "applied": null, "rejected": null, "peers": [],
        "reported_at": "2026-01-01T00:00:00Z",
    });
    let foreign = node.post(&format!("/gateways/{other}/status"), report).await;
    assert_error(&foreign, 404, "not_found");
    // Everything else is closed to a node, whichever gateway it names.
    for row in TABLE.iter().filter(|row| !row.who.admits_gateway()) {
        for id in [&own, &other] {
            let path = row.path.replace("{id}", id).replace("{user_id}", id);
            let path = path.replace("{session_id}", id);
            let answer = node.send(row.method.parse().unwrap(), &path, &[], None).await;
            assert_error(&(answer.status, answer.body), 403, "forbidden");
        }
    }
}

/// A credential that was replaced, cut short or made up opens nothing; nor does one of a gateway
/// that is gone.
#[tokio::test]
async fn a_credential_is_good_for_its_gateway_only_and_only_while_that_is_there() {
    let plane = Plane::start().await;
    let (own, node) = join(&plane, "own", "100.96.0.0/24").await;
    let path = format!("/admin/gateways/{own}/sync");
    let anonymous = plane.server.client();
    for made_up in ["", "x", "bnVsbA", &"A".repeat(43), &own, &"A".repeat(4_000)] {
        let answer = anonymous.with_token(made_up).get(&path).await;
        assert_eq!(answer.0, 401, "{made_up}: {}", answer.1);
    }
    let issued = plane.admin.post(&format!("/admin/gateways/{own}/join-token"), json!({})).await.1;
    // A join token is no credential.
    let token = issued["token"].as_str().unwrap();
    assert_eq!(anonymous.with_token(token).get(&path).await.0, 401);
    let body = json!({ "token": token, "public_key": key(), "agent_version": "0.1.0" });
    let (status, joined) = anonymous.post("/gateways/join", body).await;
    assert_eq!(status, 201, "{joined}");
    assert_error(&node.get(&path).await, 401, "invalid_token");
    let again = anonymous.with_token(joined["credential"].as_str().unwrap());
    assert_eq!(again.get(&path).await.0, 200);
    assert_eq!(plane.admin.delete(&format!("/admin/gateways/{own}")).await.0, 204);
    assert_error(&again.get(&path).await, 401, "invalid_token");
}
