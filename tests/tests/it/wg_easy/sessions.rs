//! Sessions: what they open, for how long, and for whom not.

use chrono::TimeDelta;
use nexavpn_api::dialects::wg_easy::{Opens, TABLE};
use reqwest::Method;
use serde_json::json;

use super::{CLIENTS, Dialect, Guest, PASSWORD, UNLIMITED, of};
use crate::{api_admin::NOBODY, api_client::TurnableClock};

#[tokio::test]
async fn the_token_and_the_cookie_open_the_same_session_until_it_is_ended() {
    let dialect = Dialect::start().await;
    let stranger = dialect.stranger();
    let answer = stranger.login().await;
    let set = answer.header("set-cookie").to_owned();
    assert!(set.starts_with("connect.sid="), "{set}");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=86400"] {
        assert!(set.contains(part), "{part} is not in {set}");
    }
    assert!(!set.contains("Secure"), "without TLS it would not come back: {set}");
    let token = answer.body["sessionToken"].as_str().unwrap().to_owned();
    let by_token = Guest { token: Some(token), ..stranger.clone() };
    let by_cookie = Guest { cookie: Some(answer.cookie()), ..stranger.clone() };
    let another = dialect.cookie().await;
    for guest in [&by_token, &by_cookie, &another] {
        let session = guest.get("/api/session").await;
        assert_eq!(session.body, json!({ "requiresPassword": true, "authenticated": true }));
        assert_eq!(guest.get(CLIENTS).await.status, 200);
    }
    // A header that says nothing does not spoil the cookie.
    let both = Guest { token: Some("undefined".into()), ..by_cookie.clone() };
    assert_eq!(both.get(CLIENTS).await.status, 200);

    let ended = by_cookie.delete("/api/session").await;
    assert_eq!((ended.status, &ended.body["success"]), (200, &json!(true)), "{}", ended.text);
    assert!(ended.header("set-cookie").starts_with("connect.sid=;"));
    for guest in [&by_token, &by_cookie] {
        guest.get(CLIENTS).await.is(401, "UNAUTHORIZED");
        assert_eq!(guest.get("/api/session").await.body["authenticated"], false);
    }
    assert_eq!(another.get(CLIENTS).await.status, 200);

    let (_, log) = dialect.admin.get("/admin/audit-logs?event_type=session.started").await;
    let methods: Vec<_> =
        log["items"].as_array().unwrap().iter().map(|e| &e["auth_method"]).collect();
    assert!(methods.contains(&&json!("wg-easy")), "{log}");
}

#[tokio::test]
async fn a_session_lasts_a_day_and_survives_the_keys_it_was_signed_with() {
    let clock = TurnableClock::default();
    let turned = clock.clone();
    let dialect =
        Dialect::with(UNLIMITED, move |options| options.clock = std::sync::Arc::new(turned)).await;
    let (cookie, bearer) = (dialect.cookie().await, dialect.bearer().await);
    let now = dialect.server.commands().now();
    dialect.server.app.tokens.rotate(now, false).await.unwrap();
    clock.forward(TimeDelta::hours(23));
    // Somebody else's session begins, which looks at the keys.
    dialect.cookie().await;
    for guest in [&cookie, &bearer] {
        assert_eq!(guest.get(CLIENTS).await.status, 200);
    }
    clock.forward(TimeDelta::hours(1));
    for guest in [&cookie, &bearer] {
        guest.get(CLIENTS).await.is(401, "UNAUTHORIZED");
    }
}

/// Every route of the dialect × everybody who is not a session of it.
#[tokio::test]
async fn nothing_but_a_session_of_the_dialect_opens_it() {
    let dialect = Dialect::start().await;
    let caller = dialect.bearer().await;
    let made = caller.create("phone").await;
    let stranger = dialect.stranger();
    let with = |token: &str| Guest { token: Some(token.to_owned()), ..stranger.clone() };
    let native = dialect.admin.session["access_token"].as_str().unwrap();
    let token = caller.token.clone().unwrap();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    let nobodies = [
        stranger.clone(),
        with(native),
        with("0123456789abcdef"),
        with(&format!("{head}.{flipped}")),
        with(PASSWORD),
        Guest { cookie: Some(format!("connect.sid={native}")), ..stranger.clone() },
        Guest { cookie: Some(format!("other={token}")), ..stranger.clone() },
    ];
    for row in TABLE.iter().filter(|row| row.opens == Opens::Session) {
        let path = row.path.replace("{id}", made["id"].as_str().unwrap());
        let method: Method = row.method.parse().unwrap();
        for nobody in &nobodies {
            let answer = nobody.json(method.clone(), &path, json!({ "name": "x" })).await;
            answer.is(401, "UNAUTHORIZED");
        }
    }
    for row in TABLE.iter().filter(|row| row.opens == Opens::Public && row.method == "GET") {
        assert_eq!(stranger.get(row.path).await.status, 200, "{}", row.path);
    }
    assert_eq!(caller.list().await.len(), 1);
    // Nor does it open anything else: the owner's own account stays apart.
    let (status, _) = dialect.server.client().with_token(token).get("/auth/me").await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_page_of_another_site_gets_nothing_by_the_cookie() {
    let dialect = Dialect::start().await;
    let cookie = dialect.cookie().await;
    let made = cookie.create("phone").await;
    for header in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let body = json!({ "name": "evil" }).to_string();
        let send = async |method: Method, path: &str, body: Option<&str>| {
            cookie.send(method, path, &[header], body).await.is(401, "UNAUTHORIZED");
        };
        send(Method::POST, CLIENTS, Some(&body)).await;
        send(Method::DELETE, &of(&made), None).await;
        send(Method::POST, &format!("{}/disable", of(&made)), None).await;
        send(Method::GET, &format!("{}/configuration", of(&made)), None).await;
        send(Method::DELETE, "/api/session", None).await;
        let login = json!({ "password": PASSWORD }).to_string();
        send(Method::POST, "/api/session", Some(&login)).await;
    }
    assert_eq!(cookie.list().await.len(), 1);
    assert_eq!(cookie.get(&of(&made)).await.body["enabled"], true);
    // A page of our own may.
    let own = [("sec-fetch-site", "same-origin")];
    assert_eq!(cookie.send(Method::GET, CLIENTS, &own, None).await.status, 200);
}

#[tokio::test]
async fn sessions_end_with_their_owner() {
    let dialect = Dialect::start().await;
    let caller = dialect.cookie().await;
    caller.create("phone").await;
    let user = |rest: &str| format!("/admin/users/{}/{rest}", dialect.owner);
    assert_eq!(dialect.admin.post(&user("disable"), json!({})).await.0, 200);
    caller.get(CLIENTS).await.is(401, "UNAUTHORIZED");
    let login = json!({ "password": PASSWORD });
    dialect.stranger().post("/api/session", login.clone()).await.is(401, "UNAUTHORIZED");
    assert_eq!(dialect.admin.post(&user("enable"), json!({})).await.0, 200);
    let caller = dialect.cookie().await;
    assert_eq!(caller.list().await.len(), 1);
    assert_eq!(dialect.admin.post(&user("erase"), json!({})).await.0, 200);
    caller.get(CLIENTS).await.is(401, "UNAUTHORIZED");
    dialect.stranger().post("/api/session", login).await.is(401, "UNAUTHORIZED");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM device_private_key")
        .fetch_one(&dialect.db.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn refusals_are_recorded_and_hold_no_secret() {
    let dialect = Dialect::start().await;
    let caller = dialect.bearer().await;
    let made = caller.create("phone").await;
    caller.post(CLIENTS, json!({ "name": "phone" })).await.is(409, "CONFLICT");
    caller.delete(&format!("{CLIENTS}/{NOBODY}")).await.is(404, "NOT_FOUND");
    let wrong = json!({ "password": "tangerine-umbrella" });
    dialect.stranger().post("/api/session", wrong).await.is(401, "UNAUTHORIZED");
    let secrets: Vec<String> = {
        let lines = made["configuration"].as_str().unwrap().lines();
        let keys = lines.filter(|l| l.starts_with("PrivateKey") || l.starts_with("PresharedKey"));
        keys.map(|line| line.split_once(" = ").unwrap().1.to_owned()).collect()
    };
    assert_eq!(secrets.len(), 2);
    let pool = &dialect.db.pool;
    nexavpn_tests::harness::poll_until(nexavpn_tests::harness::WIDE, || async {
        let codes: Vec<String> = sqlx::query_scalar(
            "SELECT payload->>'code' FROM events WHERE event_type = 'security.failure'",
        )
        .fetch_all(pool)
        .await
        .unwrap();
        ["device_name_taken", "NOT_FOUND", "invalid_credentials"]
            .iter()
            .all(|code| codes.iter().any(|c| c == code))
    })
    .await;
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT e::text FROM events e").fetch_all(pool).await.unwrap();
    let token = caller.token.clone().unwrap();
    for row in rows {
        for secret in
            secrets.iter().map(String::as_str).chain(["tangerine-umbrella", PASSWORD, &token])
        {
            assert!(!row.contains(secret), "{row}");
        }
    }
}
