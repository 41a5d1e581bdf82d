//! What attackers try, and what it gets them: nothing. The server goes on as if nothing had been.

mod bodies;
mod disabled_user;
mod enumeration;
mod flood;
mod forged_tokens;
mod injection;
mod keys;
mod lost_update;
mod others_bundle;
mod others_devices;
mod paths;
mod reused_refresh_token;
mod smuggled_role;
mod text;

use nexavpn_tests::harness::{Answer, Client};
use reqwest::Method;
use serde_json::Value;

/// The answer is a refusal in our own words.
fn assert_refused(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
    assert!(answer.body["error"]["code"].is_string(), "{what}: {}", answer.body);
}

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Answer {
    let method: Method = method.parse().unwrap();
    client.send(method, path, &[], Some(body.clone())).await
}
