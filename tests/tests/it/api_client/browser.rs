//! Sessions of web pages: the refresh token in a cookie that nothing else takes.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::future::join_all;
use nexavpn_api::auth::permissions::{TABLE, Who};
use nexavpn_tests::harness::{Answer, Client, PASSWORD, TestDb, TestServer, WIDE, poll_until};
use reqwest::Method;
use serde_json::{Value, json};

use super::TurnableClock;
use crate::api_admin::{NOBODY, Plane, assert_error, id};

const REMOVAL: &str = "nexavpn_refresh=;";

async fn post(
    client: &Client,
    verb: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Answer {
    client.send(Method::POST, &format!("/auth/browser/{verb}"), headers, body).await
}

fn credentials(username: &str, password: &str) -> Option<Value> {
    Some(json!({ "username": username, "password": password }))
}

async fn login(client: &Client) -> Answer {
    let answer = post(client, "login", &[], credentials("alice", PASSWORD)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

async fn refresh(client: &Client, cookie: &str) -> Answer {
    post(client, "refresh", &[("cookie", cookie)], None).await
}

/// What a browser sends back of the cookie that an answer sets.
fn cookie(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

fn token(answer: &Answer) -> String {
    cookie(answer).strip_prefix("nexavpn_refresh=").unwrap().to_owned()
}

fn assert_signed_out(answer: Answer) {
    assert!(answer.header("set-cookie").starts_with(REMOVAL), "{}", answer.header("set-cookie"));
    assert_error(&(answer.status, answer.body), 401, "invalid_token");
}

/// A plane with a user `alice`, and a client that has not signed in.
async fn plane() -> (Plane, Client) {
    let plane = Plane::start().await;
    plane.server.user("alice", "user").await;
    let client = plane.server.client();
    (plane, client)
}

async fn reuses(plane: &Plane) -> Value {
    let path = "/admin/audit-logs?event_type=session.token_reused";
    plane.admin.get(path).await.1["total"].clone()
}

#[tokio::test]
async fn the_refresh_token_is_in_a_cookie_and_nowhere_else() {
    let (_plane, client) = plane().await;
    let mut answer = login(&client).await;
    let mut tokens = vec![];
    for _ in 0..2 {
        let set = answer.header("set-cookie");
        let mut parts: Vec<&str> = set.split("; ").collect();
        let token = parts.remove(0).strip_prefix("nexavpn_refresh=").unwrap().to_owned();
        parts.sort_unstable();
        // Thirty days, the lifetime of a session. Nothing here speaks TLS.
        let wanted =
            ["HttpOnly", "Max-Age=2592000", "Path=/api/v1/auth/browser", "SameSite=Strict"];
        assert_eq!(parts, wanted, "{set}");
        assert!(token.len() >= 43 && !tokens.contains(&token), "{set}");
        let session = &answer.body;
        assert!(!session.to_string().contains(&token), "{session}");
        let fields: Vec<&str> = session.as_object().unwrap().keys().map(String::as_str).collect();
        let wanted =
            ["access_token", "expires_in", "password_change_required", "token_type", "user"];
        assert_eq!(fields, wanted);
        assert_eq!(
            (&session["token_type"], &session["expires_in"]),
            (&json!("Bearer"), &json!(900))
        );
        assert_eq!(session["password_change_required"], false);
        let signed_in = client.in_session(session.clone());
        assert_eq!(signed_in.get("/auth/me").await.1["username"], "alice");
        assert_eq!(session["user"]["id"], signed_in.user_id());
        // Cookies of others may stand beside it.
        let sent = format!("theme=dark; nexavpn_refresh={token}; a=b");
        tokens.push(token);
        answer = refresh(&client, &sent).await;
    }
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_cookie_is_for_tls_where_a_trusted_proxy_says_so() {
    let db = TestDb::new().await;
    let networks = ["192.0.2.0/24", "127.0.0.0/8"];
    for (network, secure) in networks.into_iter().zip([false, true]) {
        let server = TestServer::start_with(&db.server_url, |o| {
            o.http.trusted_proxies = vec![network.parse().unwrap()];
        })
        .await;
        let admin = || credentials("admin", PASSWORD);
        let client = server.client();
        for (proto, secure) in [("https", secure), ("http", false)] {
            let headers = [("x-forwarded-proto", proto), ("x-forwarded-for", "198.51.100.7")];
            let mut answers = vec![post(&client, "login", &headers, admin()).await];
            answers.push(post(&client, "refresh", &headers, None).await);
            answers.push(post(&client, "logout", &headers, None).await);
            for answer in answers {
                let set = answer.header("set-cookie");
                assert!(set.starts_with("nexavpn_refresh="), "{set}");
                assert_eq!(set.contains("; Secure"), secure, "{proto}, {network}: {set}");
            }
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn a_browser_that_has_lost_the_answer_may_come_again() {
    let (plane, client) = plane().await;
    let first = cookie(&login(&client).await);
    let lost = refresh(&client, &first).await;
    assert_eq!(lost.status, 200);
    let lost_too = refresh(&client, &first).await;
    assert_eq!(lost_too.status, 200);
    let kept = refresh(&client, &first).await;
    // It is one session, whose access tokens all work.
    for answer in [&lost, &lost_too, &kept] {
        assert_eq!(client.in_session(answer.body.clone()).get("/auth/me").await.0, 200);
    }
    let next = refresh(&client, &cookie(&kept)).await;
    let next = refresh(&client, &cookie(&next)).await;
    let signed_in = client.in_session(next.body.clone());
    // The other one was made with the user.
    assert_eq!(signed_in.get("/me/sessions").await.1["total"], 2);
    assert_eq!(reuses(&plane).await, 0);
}

#[tokio::test]
async fn pages_that_come_at_once_are_all_answered() {
    let (plane, client) = plane().await;
    let first = cookie(&login(&client).await);
    let answers = join_all((0..6).map(|_| refresh(&client, &first))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(reuses(&plane).await, 0);
}

/// A thief and the owner have the same token: one of them comes with what the other has made void.
#[tokio::test]
async fn whoever_comes_with_the_lost_answer_ends_the_session() {
    let (plane, client) = plane().await;
    let first = cookie(&login(&client).await);
    let owner = refresh(&client, &first).await;
    let thief = refresh(&client, &first).await;
    assert_eq!(thief.status, 200);
    assert_signed_out(refresh(&client, &cookie(&owner)).await);
    assert_signed_out(refresh(&client, &cookie(&thief)).await);
    for answer in [&owner, &thief] {
        let access = client.in_session(answer.body.clone()).get("/auth/me").await;
        assert_error(&access, 401, "invalid_token");
    }
    poll_until(WIDE, || async { reuses(&plane).await == 1 }).await;
}

#[tokio::test]
async fn there_is_no_leeway_once_the_answer_was_used() {
    let (plane, client) = plane().await;
    let first = cookie(&login(&client).await);
    let second = cookie(&refresh(&client, &first).await);
    let third = cookie(&refresh(&client, &second).await);
    assert_signed_out(refresh(&client, &first).await);
    assert_signed_out(refresh(&client, &third).await);
    poll_until(WIDE, || async { reuses(&plane).await == 1 }).await;
}

#[tokio::test]
async fn the_leeway_is_half_a_minute() {
    let db = TestDb::new().await;
    let clock = TurnableClock::default();
    let turned = clock.clone();
    let server = TestServer::start_with(&db.server_url, |o| o.clock = Arc::new(turned)).await;
    server.user("alice", "user").await;
    let client = server.client();
    let first = cookie(&login(&client).await);
    assert_eq!(refresh(&client, &first).await.status, 200);
    clock.forward(TimeDelta::seconds(20));
    let again = cookie(&refresh(&client, &first).await);
    // Counted from the first use.
    clock.forward(TimeDelta::seconds(11));
    assert_signed_out(refresh(&client, &first).await);
    assert_signed_out(refresh(&client, &again).await);
}

#[tokio::test]
async fn only_browsers_have_a_leeway() {
    let (_plane, client) = plane().await;
    let native =
        async |token: String| client.post("/auth/refresh", json!({ "refresh_token": token })).await;
    // Used by a browser, then by somebody else.
    let first = login(&client).await;
    let second = refresh(&client, &cookie(&first)).await;
    assert_error(&native(token(&first)).await, 401, "invalid_token");
    assert_signed_out(refresh(&client, &cookie(&second)).await);
    // Used by somebody else, then by a browser.
    let first = login(&client).await;
    let (status, session) = native(token(&first)).await;
    assert_eq!(status, 200, "{session}");
    assert_signed_out(refresh(&client, &cookie(&first)).await);
    let second = session["refresh_token"].as_str().unwrap().to_owned();
    assert_error(&native(second).await, 401, "invalid_token");
}

#[tokio::test]
async fn what_another_sites_page_sends_is_refused() {
    let (plane, client) = plane().await;
    let own = plane.server.base_url.clone();
    let cookie = cookie(&login(&client).await);
    let evil = [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site"), ("origin", own.as_str())],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
    ];
    for headers in evil {
        for verb in ["login", "refresh", "logout"] {
            let body = (verb == "login").then(|| credentials("alice", PASSWORD)).flatten();
            let mut headers = headers.clone();
            headers.push(("cookie", cookie.as_str()));
            let answer = post(&client, verb, &headers, body).await;
            assert_eq!(answer.header("set-cookie"), "", "{verb}, {headers:?}");
            assert_error(&(answer.status, answer.body), 403, "cross_site");
        }
    }
    // One failure of each route is recorded at once.
    let path = "/admin/audit-logs?status=failure";
    poll_until(WIDE, || async { plane.admin.get(path).await.1["total"] == 3 }).await;
    // None of it has touched the session.
    let pages = [
        vec![("sec-fetch-site", "same-origin"), ("origin", own.as_str())],
        vec![("sec-fetch-site", "none")],
        vec![("origin", own.as_str())],
    ];
    let mut cookie = cookie;
    for mut headers in pages {
        headers.push(("cookie", cookie.as_str()));
        let answer = post(&client, "refresh", &headers, None).await;
        cookie = self::cookie(&answer);
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie_away() {
    let (_plane, client) = plane().await;
    let session = login(&client).await;
    let kept = cookie(&session);
    for cookie in [kept.as_str(), kept.as_str(), "nexavpn_refresh=unknown", "other=1"] {
        let answer = post(&client, "logout", &[("cookie", cookie)], None).await;
        assert_eq!((answer.status, &answer.body), (204, &Value::Null));
        let set = answer.header("set-cookie");
        assert!(set.starts_with(REMOVAL), "{set}");
        assert!(set.contains("Max-Age=0") && set.contains("Path=/api/v1/auth/browser"), "{set}");
    }
    let access = client.in_session(session.body).get("/auth/me").await;
    assert_error(&access, 401, "invalid_token");
    assert_signed_out(refresh(&client, &kept).await);
}

/// The first page asks so whether somebody is signed in; that nobody is, is nothing to record.
#[tokio::test]
async fn without_a_cookie_nobody_is_signed_in_and_nothing_has_failed() {
    let (plane, client) = plane().await;
    assert_signed_out(post(&client, "refresh", &[], None).await);
    assert_signed_out(refresh(&client, "other=1").await);
    let path = "/admin/audit-logs?status=failure";
    assert_signed_out(refresh(&client, "nexavpn_refresh=made-up").await);
    poll_until(WIDE, || async { plane.admin.get(path).await.1["total"] != 0 }).await;
    let (_, log) = plane.admin.get(path).await;
    assert_eq!(log["total"], 1, "{log}");
}

#[tokio::test]
async fn a_page_is_told_that_a_new_password_is_due() {
    let (plane, client) = plane().await;
    let (_, found) = plane.admin.get("/admin/users?q=alice").await;
    let path = format!("/admin/users/{}/password", id(&found["items"][0]));
    let reset = json!({ "password": "chosen by the admin" });
    assert_eq!(plane.admin.post(&path, reset).await.0, 200);
    let credentials = credentials("alice", "chosen by the admin");
    let first = post(&client, "login", &[], credentials).await;
    let second = refresh(&client, &cookie(&first)).await;
    for answer in [&first, &second] {
        assert_eq!(answer.body["password_change_required"], true, "{}", answer.body);
    }
    let alice = client.in_session(second.body.clone());
    assert_error(&alice.get("/me/devices").await, 403, "password_change_required");
    let change =
        json!({ "current_password": "chosen by the admin", "password": "only she knows it" });
    assert_eq!(alice.post("/me/password", change).await.0, 204);
    let third = refresh(&client, &cookie(&second)).await;
    assert_eq!(third.body["password_change_required"], false, "{}", third.body);
}

/// A cookie comes with whatever request another site has a browser make.
#[tokio::test]
async fn no_other_route_takes_the_cookie() {
    let (_plane, client) = plane().await;
    let session = login(&client).await;
    let cookie = cookie(&session);
    let headers = [("cookie", cookie.as_str())];
    let mut asked = 0;
    for row in TABLE.iter().filter(|row| row.who != Who::Public) {
        let path = row.path.replace("{id}", NOBODY);
        let path = path.replace("{user_id}", NOBODY).replace("{session_id}", NOBODY);
        let path = path.replace("{level}", "0").replace("{place}", "000.p/1");
        let method: Method = row.method.parse().unwrap();
        let body = (method != Method::GET).then(|| json!({}));
        let answer = client.send(method, &path, &headers, body).await;
        assert_error(&(answer.status, answer.body), 401, "unauthenticated");
        asked += 1;
    }
    assert!(asked > 100, "{asked}");
    for path in ["/auth/refresh", "/auth/logout"] {
        let answer = client.send(Method::POST, path, &headers, Some(json!({}))).await;
        assert_error(&(answer.status, answer.body), 400, "validation_error");
    }
    let alice = client.in_session(session.body);
    assert_eq!(alice.get("/auth/me").await.0, 200);
}

#[tokio::test]
async fn guesses_are_counted_together_with_those_of_other_clients() {
    let (plane, client) = plane().await;
    for n in 0..10 {
        let guess = credentials("alice", "guess");
        let (status, body) = if n % 2 == 0 {
            let answer = post(&client, "login", &[], guess).await;
            assert_eq!(answer.header("set-cookie"), "");
            (answer.status, answer.body)
        } else {
            client.post("/auth/login", guess.unwrap()).await
        };
        assert_error(&(status, body), 401, "invalid_credentials");
    }
    let right = credentials("alice", PASSWORD);
    let blocked = post(&client, "login", &[], right.clone()).await;
    assert!(blocked.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_error(&(blocked.status, blocked.body), 429, "too_many_attempts");
    let signed_in = client.post("/auth/login", right.clone().unwrap()).await;
    assert_error(&signed_in, 429, "too_many_attempts");
    // Nobody else is kept out, neither here nor there.
    let elsewhere = Client::from_address(&plane.server.base_url, "127.0.0.2".parse().unwrap());
    assert_eq!(post(&elsewhere, "login", &[], right).await.status, 200);
    elsewhere.login("alice", PASSWORD).await;
}
