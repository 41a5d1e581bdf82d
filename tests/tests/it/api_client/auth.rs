//! Signing in, staying signed in, and being put out.

use nexavpn_tests::harness::{Client, PASSWORD, WIDE, poll_until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_admin::{Plane, assert_error};

fn credentials(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

#[tokio::test]
async fn a_login_answers_as_the_contract_says() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let session = &alice.session;
    assert!(session["access_token"].as_str().unwrap().split('.').count() == 3, "{session}");
    assert!(session["refresh_token"].as_str().unwrap().len() >= 43, "{session}");
    assert_eq!(session["expires_in"], 900);
    assert_eq!(session["user"]["username"], "alice");
    assert_eq!(session["user"]["role"], "user");
    let (status, me) = alice.get("/auth/me").await;
    assert_eq!((status, &me["username"], &me["role"]), (200, &json!("alice"), &json!("user")));
    // Login names are compared without regard to case.
    plane.server.client().login("ALICE", PASSWORD).await;
}

#[tokio::test]
async fn logging_out_takes_effect_on_the_next_request() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let body = json!({ "refresh_token": alice.session["refresh_token"] });
    assert_eq!(alice.post("/auth/logout", body.clone()).await.0, 204);
    assert_error(&alice.get("/auth/me").await, 401, "invalid_token");
    let refresh = plane.server.client().post("/auth/refresh", body.clone()).await;
    assert_error(&refresh, 401, "invalid_token");
    // Signing out twice is no fault.
    assert_eq!(plane.server.client().post("/auth/logout", body).await.0, 204);
}

#[tokio::test]
async fn a_demoted_admin_loses_the_rights_at_once() {
    let plane = Plane::start().await;
    let other = plane.server.user("other", "admin").await;
    assert_eq!(other.get("/admin/users").await.0, 200);
    let path = format!("/admin/users/{}", other.user_id());
    assert_eq!(plane.admin.patch(&path, json!({ "role": "user" })).await.0, 200);
    assert_error(&other.get("/admin/users").await, 403, "forbidden");
}

#[tokio::test]
async fn a_new_password_is_due_before_anything_else_and_ends_other_sessions() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let path = format!("/admin/users/{}/password", alice.user_id());
    let reset = json!({ "password": "chosen by the admin" });
    assert_eq!(plane.admin.post(&path, reset).await.0, 200);
    assert_error(&alice.get("/auth/me").await, 401, "invalid_token");

    let alice = plane.server.client().login("alice", "chosen by the admin").await;
    assert_eq!(alice.session["password_change_required"], true);
    assert_error(&alice.get("/me/devices").await, 403, "password_change_required");
    let elsewhere = plane.server.client().login("alice", "chosen by the admin").await;
    let change = |current: &str, new: &str| json!({ "current_password": current, "password": new });
    let short = alice.post("/me/password", change("chosen by the admin", "short")).await;
    assert_error(&short, 400, "validation_error");
    let wrong = alice.post("/me/password", change("a wrong one", "only she knows it")).await;
    assert_eq!(wrong.1["error"]["details"][0]["field"], "current_password");
    let right = change("chosen by the admin", "only she knows it");
    assert_eq!(alice.post("/me/password", right).await.0, 204);
    assert_eq!(alice.get("/me/devices").await.0, 200);
    assert_error(&elsewhere.get("/auth/me").await, 401, "invalid_token");
}

#[tokio::test]
async fn the_last_admin_stays() {
    let plane = Plane::start().await;
    let id = plane.admin.user_id().to_owned();
    let path = format!("/admin/users/{id}");
    let disable = plane.admin.post(&format!("{path}/disable"), json!({})).await;
    assert_error(&disable, 409, "last_admin");
    assert_error(&plane.admin.delete(&path).await, 409, "last_admin");
    let demote = plane.admin.patch(&path, json!({ "role": "user" })).await;
    assert_error(&demote, 409, "last_admin");
    plane.server.user("second", "admin").await;
    assert_eq!(plane.admin.patch(&path, json!({ "role": "user" })).await.0, 200);
}

/// The same server from another address.
fn elsewhere(plane: &Plane) -> Client {
    Client::from_address(&plane.server.base_url, "127.0.0.2".parse().unwrap())
}

#[tokio::test]
async fn whoever_guesses_has_to_wait_and_nobody_else_does() {
    let plane = Plane::start().await;
    plane.server.user("alice", "user").await;
    plane.server.user("bob", "user").await;
    let client = plane.server.client();
    for _ in 0..10 {
        let failed = client.post("/auth/login", credentials("alice", "guess")).await;
        assert_error(&failed, 401, "invalid_credentials");
    }
    for forwarded in ["127.0.0.1", "192.0.2.1"] {
        // The header of a client that is no trusted proxy says nothing.
        let headers = [("x-forwarded-for", forwarded)];
        let body = Some(credentials("alice", PASSWORD));
        let blocked = client.send(Method::POST, "/auth/login", &headers, body).await;
        let wait: u64 = blocked.header("retry-after").parse().unwrap();
        assert!((1..=900).contains(&wait), "{wait}");
        assert_error(&(blocked.status, blocked.body), 429, "too_many_attempts");
    }
    client.login("bob", PASSWORD).await;
    // The one whose name it is has not been there before, and gets in. That forgives nobody else.
    elsewhere(&plane).login("alice", PASSWORD).await;
    let blocked = client.post("/auth/login", credentials("alice", PASSWORD)).await;
    assert_error(&blocked, 429, "too_many_attempts");
}

#[tokio::test]
async fn guesses_at_ones_own_password_count_from_wherever_they_come() {
    let plane = Plane::start().await;
    let here = plane.server.user("alice", "user").await;
    let there = elsewhere(&plane).in_session(here.session.clone());
    let change = |current: &str| json!({ "current_password": current, "password": "another one" });
    for n in 0..10 {
        let client = if n % 2 == 0 { &here } else { &there };
        let wrong = client.post("/me/password", change("guess")).await;
        assert_error(&wrong, 400, "validation_error");
    }
    for client in [&here, &there] {
        let blocked = client.post("/me/password", change(PASSWORD)).await;
        assert_error(&blocked, 429, "too_many_attempts");
    }
    // Who has a session only keeps nobody from signing in.
    elsewhere(&plane).login("alice", PASSWORD).await;
}

#[tokio::test]
async fn many_guesses_at_once_count_as_many() {
    let plane = Plane::start().await;
    plane.server.user("alice", "user").await;
    let client = plane.server.client();
    let guess = || client.post("/auth/login", credentials("alice", "guess"));
    let answers = futures::future::join_all((0..40).map(|_| guess())).await;
    let tried = answers.iter().filter(|(status, _)| *status == 401).count();
    assert!(tried <= 10, "{tried} guesses were tried");
    assert!(answers.iter().all(|(status, _)| [401, 429].contains(status)), "{answers:?}");
}

#[tokio::test]
async fn words_of_strangers_are_not_kept() {
    let plane = Plane::start().await;
    let body = Some(credentials("nobody", "guess"));
    let headers = [("x-reason", "call Alice on 555-0100")];
    let client = plane.server.client();
    client.send(Method::POST, "/auth/login", &headers, body).await;
    let path = "/admin/audit-logs?status=failure";
    poll_until(WIDE, || async { plane.admin.get(path).await.1["total"] == 1 }).await;
    let (_, log) = plane.admin.get(path).await;
    assert!(!log.to_string().contains("555-0100"), "{log}");
}
