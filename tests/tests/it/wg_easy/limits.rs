//! How often clients may call: the contract's table.

use chrono::Utc;
use nexavpn_api::dialects::wg_easy::WgEasyRates;
use serde_json::json;

use super::{CLIENTS, Dialect, PASSWORD, Said, of};
use crate::api_admin::NOBODY;

/// Where an answer says that its caller stands.
fn stands(answer: &Said) -> (u32, u32) {
    let number = |name: &str| answer.header(name).parse::<i64>().unwrap();
    let reset = number("x-ratelimit-reset") - Utc::now().timestamp();
    assert!((-2..=61).contains(&reset), "{reset}");
    let unsigned = |name| u32::try_from(number(name)).unwrap();
    (unsigned("x-ratelimit-limit"), unsigned("x-ratelimit-remaining"))
}

#[track_caller]
fn too_many(answer: &Said) {
    answer.is(429, "RATE_LIMITED");
    assert_eq!(answer.body["error"], "Rate limit exceeded");
    let wait = answer.body["retryAfter"].as_u64().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(answer.header("retry-after"), wait.to_string());
    assert_eq!(stands(answer).1, 0);
}

#[tokio::test]
async fn the_limits_are_the_contracts() {
    let dialect = Dialect::with(WgEasyRates::default(), |_| {}).await;
    let stranger = dialect.stranger();
    let first = stranger.login().await;
    assert_eq!(stands(&first), (5, 4));
    let token = first.body["sessionToken"].as_str().unwrap().to_owned();
    let caller = super::Guest { token: Some(token), ..stranger.clone() };
    let wrong = json!({ "password": "wrong" });
    for left in (0..4).rev() {
        let answer = stranger.post("/api/session", wrong.clone()).await;
        assert_eq!((answer.status, stands(&answer)), (401, (5, left)));
    }
    too_many(&stranger.post("/api/session", json!({ "password": PASSWORD })).await);

    // Whoever is not signed in uses nothing up.
    for _ in 0..20 {
        stranger.post(CLIENTS, json!({ "name": "x" })).await.is(401, "UNAUTHORIZED");
    }
    let mut made = vec![];
    for n in 0..10 {
        let answer = caller.post(CLIENTS, json!({ "name": format!("client-{n}") })).await;
        assert_eq!((answer.status, stands(&answer)), (201, (10, 9 - n)), "{}", answer.text);
        made.push(answer.body);
    }
    too_many(&caller.post(CLIENTS, json!({ "name": "one-more" })).await);
    assert_eq!(stands(&caller.get(CLIENTS).await), (60, 59));
    for client in &made[..9] {
        assert_eq!(caller.delete(&of(client)).await.status, 204);
    }
    caller.delete(&format!("{CLIENTS}/{NOBODY}")).await.is(404, "NOT_FOUND");
    too_many(&caller.delete(&of(&made[9])).await);
    assert_eq!(caller.list().await.len(), 1);
}

#[tokio::test]
async fn lists_are_counted_by_session() {
    let rates = WgEasyRates { list: 3, ..super::UNLIMITED };
    let dialect = Dialect::with(rates, |_| {}).await;
    let (one, other) = (dialect.cookie().await, dialect.bearer().await);
    for _ in 0..3 {
        assert_eq!(one.get(CLIENTS).await.status, 200);
    }
    too_many(&one.get(CLIENTS).await);
    assert_eq!(other.get(CLIENTS).await.status, 200);
}
