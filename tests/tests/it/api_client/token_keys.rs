//! The keys of access tokens: one after the other, known to every process.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as URL};
use chrono::TimeDelta;
use nexavpn_tests::harness::{Client, PASSWORD, TestDb, TestServer};
use serde_json::Value;

use super::TurnableClock;
use crate::api_admin::assert_error;

async fn server(db: &TestDb, clock: &TurnableClock) -> TestServer {
    let clock = clock.clone();
    TestServer::start_with(&db.server_url, |options| options.clock = Arc::new(clock)).await
}

async fn sign_in(server: &TestServer) -> Client {
    server.client().login("admin", PASSWORD).await
}

/// The id of the key that a client's token was signed with.
fn kid(client: &Client) -> String {
    let token = client.session["access_token"].as_str().unwrap();
    let header = URL.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The same client, asking another process.
fn at(client: &Client, server: &TestServer) -> Client {
    server.client().with_token(client.session["access_token"].as_str().unwrap())
}

async fn works(client: &Client) -> bool {
    let answer = client.get("/auth/me").await;
    assert!([200, 401].contains(&answer.0), "{}", answer.1);
    answer.0 == 200
}

#[tokio::test]
async fn a_key_is_followed_by_another_one_in_time() {
    let (db, clock) = (TestDb::new().await, TurnableClock::default());
    let (one, two) = (server(&db, &clock).await, server(&db, &clock).await);
    let first = kid(&sign_in(&one).await);
    assert_eq!(kid(&sign_in(&two).await), first, "both processes have one key");
    clock.forward(TimeDelta::days(29));
    assert_eq!(kid(&sign_in(&one).await), first);
    clock.forward(TimeDelta::days(1));
    // The next one is made, and waits until everybody knows it.
    let last = sign_in(&two).await;
    assert_eq!(kid(&last), first);
    clock.forward(TimeDelta::seconds(20));
    let next = sign_in(&two).await;
    assert_ne!(kid(&next), first);
    assert_eq!(kid(&sign_in(&one).await), kid(&next), "the other process has it by itself");
    for client in [&last, &next] {
        assert!(works(&at(client, &one)).await && works(&at(client, &two)).await);
    }
    // The last token of the first key lives its time; then the key is destroyed.
    clock.forward(TimeDelta::seconds(870));
    assert!(works(&at(&last, &one)).await);
    clock.forward(TimeDelta::seconds(200));
    sign_in(&one).await;
    let keys = one.app.tokens.keys().await.unwrap();
    let kids: Vec<&str> = keys.iter().map(|k| k.kid.as_str()).collect();
    assert_eq!(kids, [kid(&next)]);
}

#[tokio::test]
async fn a_key_is_followed_by_another_one_on_command() {
    let (db, clock) = (TestDb::new().await, TurnableClock::default());
    let (one, two) = (server(&db, &clock).await, server(&db, &clock).await);
    let before = sign_in(&one).await;
    let now = || one.commands().now();
    // As `nexavpn keys rotate` does, in a process of its own.
    two.app.tokens.rotate(now(), false).await.unwrap();
    assert_eq!(kid(&sign_in(&two).await), kid(&before), "it signs only once all know it");
    clock.forward(TimeDelta::seconds(20));
    let after = sign_in(&two).await;
    assert_ne!(kid(&after), kid(&before));
    // The other process has not looked since, and knows the token all the same.
    assert!(works(&at(&after, &one)).await);
    assert!(works(&at(&before, &one)).await && works(&at(&before, &two)).await);

    // A key that somebody else has seen goes at once.
    two.app.tokens.rotate(now(), true).await.unwrap();
    assert!(!works(&at(&before, &two)).await && !works(&at(&after, &two)).await);
    clock.forward(TimeDelta::seconds(6));
    assert!(!works(&at(&before, &one)).await && !works(&at(&after, &one)).await);
    let last = sign_in(&one).await;
    assert!(works(&at(&last, &two)).await);
    assert_eq!(one.app.tokens.keys().await.unwrap().len(), 1);
    // A session outlives its keys: it is only refreshed.
    let refresh = serde_json::json!({ "refresh_token": after.session["refresh_token"] });
    assert_eq!(one.client().post("/auth/refresh", refresh).await.0, 200);
}

/// Whoever sends keys that nobody has does not make us ask the database each time.
#[tokio::test]
async fn unknown_keys_are_not_looked_for_again_and_again() {
    let (db, clock) = (TestDb::new().await, TurnableClock::default());
    let server = server(&db, &clock).await;
    let admin = sign_in(&server).await;
    let token = admin.session["access_token"].as_str().unwrap();
    let rest = token.split_once('.').unwrap().1;
    for n in 0..50 {
        let header = URL.encode(format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{n:016x}"}}"#));
        let forged = server.client().with_token(format!("{header}.{rest}"));
        assert_error(&forged.get("/auth/me").await, 401, "invalid_token");
    }
    assert!(works(&admin).await);
    // The seeds are sealed: nothing of them is in the table in the clear.
    let stored: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT wrapped FROM sealed_secret WHERE name LIKE 'access-token-key/%'",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(stored.len(), 1);
    assert!(!String::from_utf8_lossy(&stored[0]).contains("seed"));
}
