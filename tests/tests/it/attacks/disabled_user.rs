//! What somebody who was put out still has in hand.

use nexavpn_tests::harness::PASSWORD;
use serde_json::{Value, json};

use crate::api_admin::{Plane, assert_error};

fn credentials(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

#[tokio::test]
async fn disabling_a_user_takes_effect_on_the_next_request() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let path = format!("/admin/users/{}", alice.user_id());
    assert_eq!(plane.admin.post(&format!("{path}/disable"), json!({})).await.0, 200);
    assert_error(&alice.get("/auth/me").await, 401, "invalid_token");
    let login = plane.server.client().post("/auth/login", credentials("alice", PASSWORD)).await;
    assert_error(&login, 401, "invalid_credentials");
    assert_eq!(plane.admin.post(&format!("{path}/enable"), json!({})).await.0, 200);
    plane.server.client().login("alice", PASSWORD).await;
}

/// Neither the access token nor the refresh token of somebody disabled or deleted opens anything,
/// nor do they after the user is let in again.
#[tokio::test]
async fn no_token_outlives_its_user() {
    let plane = Plane::start().await;
    for end in ["disable", "delete", "erase"] {
        let user = plane.server.user(&format!("user-{end}"), "admin").await;
        let path = format!("/admin/users/{}", user.user_id());
        let ended = match end {
            "delete" => plane.admin.delete(&path).await,
            verb => plane.admin.post(&format!("{path}/{verb}"), json!({})).await,
        };
        assert!([200, 204].contains(&ended.0), "{end}: {}", ended.1);
        let refused = |answer: (u16, Value)| assert_error(&answer, 401, "invalid_token");
        let refresh = json!({ "refresh_token": user.session["refresh_token"] });
        let anonymous = plane.server.client();
        for path in ["/auth/me", "/admin/users", "/me/devices"] {
            refused(user.get(path).await);
        }
        refused(user.post("/admin/users", json!({ "username": "ghost" })).await);
        refused(anonymous.post("/auth/refresh", refresh.clone()).await);
        if end == "disable" {
            let enabled = plane.admin.post(&format!("{path}/enable"), json!({})).await;
            assert_eq!(enabled.0, 200, "{}", enabled.1);
            refused(user.get("/auth/me").await);
            refused(anonymous.post("/auth/refresh", refresh).await);
        }
    }
}
