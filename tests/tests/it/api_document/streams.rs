//! What the fuzz leaves out: streams do not end where they are not refused. Here is how they are
//! refused; the client holds each answer against the document.

use nexavpn_tests::harness::Client;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_admin::{NOBODY, Plane};

const AUDIT: &str = "/admin/audit-logs/stream";

/// What a request is answered: the status and the code.
async fn refused(client: &Client, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let answer = client.send(Method::GET, path, headers, None).await;
    (answer.status, answer.body["error"]["code"].clone())
}

#[tokio::test]
async fn streams_are_refused_as_documented() {
    let plane = Plane::start().await;
    let (gateway, joined) = plane.joined("gw", "100.96.0.0/16", json!({})).await;
    let (_, other) = plane.joined("other", "100.97.0.0/16", json!({})).await;
    let (node, other) = (plane.node(&joined), plane.node(&other));
    let sync = format!("/admin/gateways/{gateway}/sync/stream");
    let nobodys = format!("/admin/gateways/{NOBODY}/sync/stream");
    let stranger = plane.server.client();
    let impostor = stranger.with_token("a.b.c");
    let [user, auditor] =
        [plane.server.user("ulla", "user").await, plane.server.user("otto", "auditor").await];

    let admin = &plane.admin;
    let wrong = format!("{AUDIT}?colour=red");
    let past = format!("{AUDIT}?after=100000");
    let long = format!("{AUDIT}?after={}", "1".repeat(9000));
    let (none, last, token) =
        (&[][..], &[("last-event-id", "x")][..], &[("x-consistency-token", "x")][..]);
    for (client, path, headers, status, code) in [
        (&stranger, AUDIT, none, 401, "unauthenticated"),
        (&impostor, AUDIT, none, 401, "invalid_token"),
        (&user, AUDIT, none, 403, "forbidden"),
        (&node, AUDIT, none, 403, "forbidden"),
        (admin, wrong.as_str(), none, 400, "validation_error"),
        (admin, AUDIT, last, 400, "validation_error"),
        (admin, AUDIT, token, 400, "validation_error"),
        (admin, past.as_str(), none, 409, "past_the_end"),
        (admin, long.as_str(), none, 414, "uri_too_long"),
        (&stranger, sync.as_str(), none, 401, "unauthenticated"),
        (&impostor, sync.as_str(), none, 401, "invalid_token"),
        (&auditor, sync.as_str(), none, 403, "forbidden"),
        (&other, sync.as_str(), none, 404, "not_found"),
        (admin, nobodys.as_str(), none, 404, "not_found"),
        (admin, sync.as_str(), token, 400, "validation_error"),
    ] {
        let answer = refused(client, path, headers).await;
        assert_eq!(answer, (status, json!(code)), "{path} {headers:?}");
    }

    let known = node.get(&format!("/admin/gateways/{gateway}/sync")).await.1;
    let applied = json!({
        "epoch": known["payload"]["epoch"], "revision": 1_000_000, "sha256": known["sha256"],
    });
    let report = json!({
        "agent_version": "0.1.0", "applied": applied, "rejected": null, "peers": [],
        "reported_at": "2026-01-01T00:00:00Z",
    });
    assert_eq!(node.post(&format!("/gateways/{gateway}/status"), report).await.0, 204);
    assert_eq!(refused(&node, &sync, none).await, (409, json!("history_lost")));
    plane.server.stop().await;
}
