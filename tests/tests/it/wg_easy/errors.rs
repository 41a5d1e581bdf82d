//! Errors that no handler makes: in the contract's shape all the same.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nexavpn_commands::{OsRandom, Random};
use nexavpn_tests::harness::{WIDE, poll_until};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{CLIENTS, Dialect, Guest, Said, UNLIMITED, of};

const REQUEST: &str = "3f1c8a52-0000-4000-8000-0123456789ab";

#[tokio::test]
async fn what_is_too_large_is_refused_in_the_shape_of_whom_it_was_sent_to() {
    let dialect = Dialect::start().await;
    let caller = dialect.bearer().await;
    let (long, large) = ("x".repeat(9_000), "x".repeat(40_000));
    for path in [CLIENTS, "/api/session", "/api/wireguard/nothing", "/api/release"] {
        let answer = caller.get(&format!("{path}?q={long}")).await;
        answer.is(414, "INVALID_REQUEST");
        let answer = caller.send(Method::GET, path, &[("x-large", &large)], None).await;
        answer.is(431, "INVALID_REQUEST");
        assert!(!answer.header("x-request-id").is_empty());
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 99999999\r\n\r\n"
        );
        let text = raw(&dialect, &head).await;
        assert!(text.starts_with("HTTP/1.1 413 ") && text.contains("INVALID_REQUEST"), "{text}");
    }
    caller.post(CLIENTS, json!({ "name": "x".repeat(300_000) })).await.is(413, "INVALID_REQUEST");
    caller.get("/api/session/nothing").await.is(404, "NOT_FOUND");
    // Other paths are not the dialect's, however they begin.
    for path in ["/api/v1/auth/me", "/api/sessions", "/api/wireguards/client"] {
        let answer = caller.get(&format!("{path}?q={long}")).await;
        native(&answer, 414, "uri_too_long");
    }
}

#[tokio::test]
async fn what_takes_too_long_is_told_in_its_shape() {
    const TIMEOUT: Duration = Duration::from_secs(5);
    let dialect = Dialect::with(UNLIMITED, |options| options.http.timeout = TIMEOUT).await;
    let caller = dialect.bearer().await;
    let phone = caller.create("phone").await;
    let mut holder = dialect.db.owner_pool.begin().await.unwrap();
    let hold = "LOCK TABLE device_preshared_key IN ACCESS EXCLUSIVE MODE";
    sqlx::query(hold).execute(&mut *holder).await.unwrap();
    let configuration = format!("{}/configuration", of(&phone));
    let (made, told) = tokio::join!(
        caller.post(CLIENTS, json!({ "name": "laptop" })),
        caller.get(&configuration),
    );
    for answer in [made, told] {
        answer.is(503, "INTERNAL_ERROR");
        assert_eq!(answer.body["retryAfter"], 1, "{}", answer.text);
        assert_eq!(answer.header("retry-after"), "1");
    }
    holder.rollback().await.unwrap();
    // It has gone on by itself.
    poll_until(WIDE, || async {
        caller.list().await.iter().any(|client| client["name"] == "laptop")
    })
    .await;
}

/// A generator that fails when it is told to.
#[derive(Clone, Default)]
struct Failing(Arc<AtomicBool>);

impl Random for Failing {
    fn fill(&self, buffer: &mut [u8]) {
        assert!(!self.0.load(Ordering::SeqCst), "the generator fails, as the test wants it to");
        OsRandom.fill(buffer);
    }
}

#[tokio::test]
async fn a_panic_is_told_in_its_shape() {
    let random = Failing::default();
    let given = random.clone();
    let dialect = Dialect::with(UNLIMITED, |options| options.random = Arc::new(given)).await;
    let caller = dialect.bearer().await;
    let body = json!({ "name": "phone" }).to_string();
    // With an id of its own, so that nothing random is needed before the handler.
    let make = async |caller: &Guest, path: &str, body: &str| {
        let headers = [("x-request-id", REQUEST), ("content-type", "application/json")];
        caller.send(Method::POST, path, &headers, Some(body)).await
    };
    random.0.store(true, Ordering::SeqCst);
    let answer = make(&caller, CLIENTS, &body).await;
    let token = dialect.admin.session["access_token"].as_str().unwrap().to_owned();
    let admin = Guest { token: Some(token), ..dialect.stranger() };
    let other = make(&admin, "/api/v1/admin/groups", &body).await;
    random.0.store(false, Ordering::SeqCst);
    answer.is(500, "INTERNAL_ERROR");
    assert!(!answer.text.contains("generator"), "{}", answer.text);
    assert_eq!(answer.header("x-request-id"), REQUEST);
    native(&other, 500, "internal_error");
    caller.create("phone").await;
}

/// It is an error of the native API.
#[track_caller]
fn native(answer: &Said, status: u16, code: &str) {
    let told = &answer.body["error"]["code"];
    assert_eq!((answer.status, told), (status, &json!(code)), "{}", answer.text);
}

/// What is answered to these bytes.
async fn raw(dialect: &Dialect, sent: &str) -> String {
    let address = dialect.server.base_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}
