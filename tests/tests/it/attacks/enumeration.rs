//! Learning who has an account, from what is said or from how long it takes.

use std::time::{Duration, Instant};

use nexavpn_commands::PasswordHasher;
use nexavpn_tests::harness::{Client, PASSWORD, TestDb, TestServer, WIDE, poll_until};
use serde_json::{Value, json};

use crate::api_admin::{Plane, assert_error};

fn credentials(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    let plane = Plane::start().await;
    plane.server.user("alice", "user").await;
    let client = plane.server.client();
    let wrong = client.post("/auth/login", credentials("alice", "not her password")).await;
    let unknown = client.post("/auth/login", credentials("nobody", "not her password")).await;
    assert_error(&wrong, 401, "invalid_credentials");
    assert_error(&unknown, 401, "invalid_credentials");
    assert_eq!(wrong.1["error"]["message"], unknown.1["error"]["message"]);
    // Both are on record, without the name that does not exist.
    // A refusal answers at once; its record follows.
    let path = "/admin/audit-logs?status=failure";
    poll_until(WIDE, || async { plane.admin.get(path).await.1["total"] == 2 }).await;
    let (_, log) = plane.admin.get(path).await;
    assert!(!log.to_string().contains("nobody"), "{log}");
}

async fn timed(client: &Client, username: &str) -> Duration {
    let started = Instant::now();
    let answer = client.post("/auth/login", credentials(username, "not the password")).await;
    let took = started.elapsed();
    assert_error(&answer, 401, "invalid_credentials");
    took
}

/// With the hash as slow as in production, the middle of the times for a name that does not exist,
/// a wrong password, a disabled user and one without a password lie close to each other. Without
/// an equal path they are further apart than any machine's noise.
#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    const TRIES: usize = 9;
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |options| {
        options.argon2 = PasswordHasher::OWASP;
    })
    .await;
    let admin = server.admin().await;
    server.user("known", "user").await;
    let disabled = server.user("disabled", "user").await;
    let path = format!("/admin/users/{}/disable", disabled.user_id());
    assert_eq!(admin.post(&path, json!({})).await.0, 200);
    let (status, _) = admin.post("/admin/users", json!({ "username": "wordless" })).await;
    assert_eq!(status, 201);
    let names = ["known", "unknown", "disabled", "wordless"];
    let mut times = [const { Vec::new() }; 4];
    let client = server.client();
    // In turns, so that whatever else the machine does concerns them all.
    for _ in 0..TRIES {
        for (name, times) in names.iter().zip(&mut times) {
            times.push(timed(&client, name).await);
        }
    }
    let middle = times.map(|mut times| {
        times.sort_unstable();
        times[TRIES / 2]
    });
    let known = middle[0].as_secs_f64();
    for (name, took) in names.iter().zip(middle) {
        let ratio = took.as_secs_f64() / known;
        assert!((0.4..2.5).contains(&ratio), "{name}: {ratio} of {known} s");
    }
    // And whoever knows the password still gets in.
    server.client().login("known", PASSWORD).await;
}
