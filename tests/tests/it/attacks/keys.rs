//! What an `Idempotency-Key` does not do: show one principal another's answer, or pass by what the
//! route checks.

use nexavpn_tests::harness::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_admin::Plane;

async fn keyed(client: &Client, method: Method, path: &str, key: &str, body: Value) -> Answer {
    client.send(method, path, &[("Idempotency-Key", key)], Some(body)).await
}

#[tokio::test]
async fn a_guessed_key_shows_nothing() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let (alice, bob) =
        (plane.server.user("alice", "user").await, plane.server.user("bob", "user").await);
    let body = json!({ "name": "laptop", "generate_key": true });
    let first = keyed(&alice, Method::POST, "/me/devices", "guess-me", body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let other = keyed(&bob, Method::POST, "/me/devices", "guess-me", body).await;
    assert_eq!(other.status, 201, "{}", other.body);
    assert_ne!(other.body["device"]["id"], first.body["device"]["id"]);
    assert_eq!(other.header("idempotency-replayed"), "");

    // A stranger's guess is no answer either.
    let user = json!({ "username": "carol" });
    let made = keyed(&plane.admin, Method::POST, "/admin/users", "admins-key", user.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let stranger = plane.server.client();
    for (client, status) in [(&stranger, 401), (&alice, 403)] {
        let answer = keyed(client, Method::POST, "/admin/users", "admins-key", user.clone()).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_key_used_before_opens_no_door_that_was_shut_since() {
    let plane = Plane::start().await;
    let second = plane.server.user("second", "admin").await;
    let body = json!({ "name": "staff" });
    let made = keyed(&second, Method::POST, "/admin/groups", "k", body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/admin/users/{}", second.user_id());
    let (status, answer) = plane.admin.patch(&path, json!({ "role": "user" })).await;
    assert_eq!(status, 200, "{answer}");
    // The sessions of before are over; a new one has the new role.
    let again = keyed(&second, Method::POST, "/admin/groups", "k", body.clone()).await;
    assert!([401, 403].contains(&again.status), "{}", again.body);
    let demoted = plane.server.client().login("second", nexavpn_tests::harness::PASSWORD).await;
    let again = keyed(&demoted, Method::POST, "/admin/groups", "k", body).await;
    assert_eq!(again.status, 403, "{}", again.body);
}
