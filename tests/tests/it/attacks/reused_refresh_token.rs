//! A refresh token that somebody else has used, or will.

use nexavpn_tests::harness::{WIDE, poll_until};
use serde_json::json;

use crate::api_admin::{Plane, assert_error};

#[tokio::test]
async fn a_refresh_token_works_once_and_its_reuse_ends_the_session() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let client = plane.server.client();
    let first = alice.session["refresh_token"].clone();
    let (status, session) = client.post("/auth/refresh", json!({ "refresh_token": first })).await;
    assert_eq!(status, 200, "{session}");
    let alice = client.with_token(session["access_token"].as_str().unwrap());
    assert_eq!(alice.get("/auth/me").await.0, 200);
    let reused = client.post("/auth/refresh", json!({ "refresh_token": first })).await;
    assert_error(&reused, 401, "invalid_token");
    // The thief and the user are both out.
    let second =
        client.post("/auth/refresh", json!({ "refresh_token": session["refresh_token"] })).await;
    assert_error(&second, 401, "invalid_token");
    assert_error(&alice.get("/auth/me").await, 401, "invalid_token");
    // A refusal answers at once; its record follows.
    let path = "/admin/audit-logs?event_type=session.token_reused";
    poll_until(WIDE, || async { plane.admin.get(path).await.1["total"] == 1 }).await;
    let (_, ended) = plane.admin.get("/admin/audit-logs?event_type=session.ended").await;
    assert_eq!(ended["items"][0]["cause"]["event_type"], "session.token_reused", "{ended}");
}

/// Of many who use the same token at once one gets a session, and loses it with all others.
#[tokio::test]
async fn a_token_used_by_many_at_once_ends_with_nobody_signed_in() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let client = plane.server.client();
    let body = json!({ "refresh_token": alice.session["refresh_token"] });
    let uses = (0..8).map(|_| client.post("/auth/refresh", body.clone()));
    let answers = futures::future::join_all(uses).await;
    let won: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let token = won[0].1["access_token"].as_str().unwrap();
    assert_error(&client.with_token(token).get("/auth/me").await, 401, "invalid_token");
    let next = json!({ "refresh_token": won[0].1["refresh_token"] });
    assert_error(&client.post("/auth/refresh", next).await, 401, "invalid_token");
    let path = "/admin/audit-logs?event_type=session.token_reused";
    poll_until(WIDE, || async { plane.admin.get(path).await.1["total"] == 1 }).await;
}
