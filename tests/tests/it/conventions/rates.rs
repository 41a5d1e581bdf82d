//! Rate limits.

use nexavpn_api::serve::ServeOptions;
use nexavpn_tests::harness::{
    ADMIN, Answer, Client, PASSWORD, TestDb, TestServer, WIDE, poll_until,
};
use reqwest::Method;
use serde_json::json;

async fn limited(db: &TestDb, change: impl FnOnce(&mut ServeOptions)) -> TestServer {
    TestServer::start_with(&db.server_url, |o| {
        o.http.rate_per_address = 5;
        o.http.rate_per_principal = 10;
        change(o);
    })
    .await
}

async fn refresh(client: &Client, forwarded: &str) -> Answer {
    let body = json!({ "refresh_token": "none" });
    let headers = [("X-Forwarded-For", forwarded)];
    client.send(Method::POST, "/auth/refresh", &headers, Some(body)).await
}

fn number(answer: &Answer, name: &str) -> u64 {
    answer.header(name).parse().unwrap_or_else(|_| panic!("{name} in {:?}", answer.headers))
}

fn assert_limited(answer: &Answer) {
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert_eq!(answer.body["error"]["code"], "rate_limited");
    assert!(answer.body["error"]["request_id"].is_string());
    assert!((1..=60).contains(&number(answer, "retry-after")));
    assert_eq!(number(answer, "x-ratelimit-remaining"), 0);
}

#[tokio::test]
async fn an_address_is_counted_where_nobody_is_signed_in() {
    let db = TestDb::new().await;
    let server = limited(&db, |_| {}).await;
    let client = server.client();
    for left in (0..5).rev() {
        let answer = refresh(&client, "192.0.2.1").await;
        assert_eq!(answer.status, 401, "{}", answer.body);
        assert_eq!(number(&answer, "x-ratelimit-limit"), 5);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), left);
        assert!((1..=60).contains(&number(&answer, "x-ratelimit-reset")));
    }
    // The header of a client that is no trusted proxy says nothing.
    assert_limited(&refresh(&client, "192.0.2.99").await);
    // Whatever the stranger asks for, and whatever token it makes up.
    let (status, _) = client.get("/admin/users").await;
    assert_eq!(status, 429);
    assert_eq!(client.with_token("made-up").get("/admin/users").await.0, 429);
    assert_eq!(client.get_outside("/").await.0, 429);
    // A load balancer may ask on, and another address is another client.
    for _ in 0..10 {
        assert_eq!(client.get_outside("/healthz").await.0, 200);
    }
    let elsewhere = Client::from_address(&server.base_url, "127.0.0.2".parse().unwrap());
    let admin = elsewhere.login(ADMIN, PASSWORD).await;
    // A command that was one too many is on record, without a reading that was.
    let failures = async || {
        let (_, page) = admin.get("/admin/audit-logs?event_type=security.failure").await;
        let codes = page["items"].as_array().unwrap().iter();
        let limited = codes.filter(|entry| entry["data"]["code"] == "rate_limited");
        limited.map(|entry| entry["data"]["route"].clone()).collect::<Vec<_>>()
    };
    poll_until(WIDE, async || failures().await == [json!("POST /auth/refresh")]).await;
}

#[tokio::test]
async fn a_principal_is_counted_over_all_its_sessions() {
    let db = TestDb::new().await;
    let server = limited(&db, |o| o.http.rate_per_address = 0).await;
    let (first, second) = (server.admin().await, server.admin().await);
    let other = server.user("alice", "auditor").await;
    for n in 0..10 {
        let client = if n % 2 == 0 { &first } else { &second };
        let answer = client.send(Method::GET, "/admin/users", &[], None).await;
        assert_eq!((answer.status, number(&answer, "x-ratelimit-limit")), (200, 10));
    }
    assert_limited(&first.send(Method::GET, "/admin/users", &[], None).await);
    assert_limited(&second.send(Method::GET, "/auth/me", &[], None).await);
    let answer = other.send(Method::GET, "/admin/users", &[], None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    // Without a limit nothing is said of one.
    let login = json!({ "username": ADMIN, "password": PASSWORD });
    let answer = server.client().send(Method::POST, "/auth/login", &[], Some(login)).await;
    assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, ""));
}

/// Each client behind trusted proxies has its own bucket, by what the proxies wrote alone.
#[tokio::test]
async fn clients_behind_a_proxy_are_counted_for_themselves() {
    let db = TestDb::new().await;
    let server = limited(&db, |o| {
        let proxies = ["127.0.0.0/8", "10.0.0.0/8"];
        o.http.trusted_proxies = proxies.iter().map(|p| p.parse().unwrap()).collect();
    })
    .await;
    let client = server.client();
    // What stands left of the client's own address it has written itself.
    for n in 0..5 {
        let hops = format!("203.0.113.{n}, 192.0.2.1, 10.0.0.{n}");
        assert_eq!(refresh(&client, &hops).await.status, 401);
    }
    assert_limited(&refresh(&client, "203.0.113.77, 192.0.2.1, 10.0.0.9").await);
    assert_eq!(refresh(&client, "192.0.2.1, 192.0.2.2").await.status, 401);
    // A machine has a whole /64.
    for n in 0..5 {
        assert_eq!(refresh(&client, &format!("2001:db8::{n}")).await.status, 401);
    }
    assert_limited(&refresh(&client, "2001:db8::ffff:1").await);
    assert_eq!(refresh(&client, "2001:db8:0:1::1").await.status, 401);
}
