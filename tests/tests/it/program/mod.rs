//! The `nexavpn` program as an operator meets it.

mod commands;
mod own_database;
mod restored;
mod serving;

use nexavpn_tests::harness::{ServerProcess, WIDE, poll_until};
use serde_json::{Value, json};

/// Signs in, whatever comes of it.
async fn sign_in(server: &ServerProcess, username: &str, password: &str) -> (u16, Value) {
    let body = json!({ "username": username, "password": password });
    server.client().post("/auth/login", body).await
}

/// Until everything that answers has caught up.
async fn ready(server: &ServerProcess) {
    let client = server.client();
    poll_until(WIDE, || {
        let client = client.clone();
        async move { client.get_outside("/readyz").await.0 == 200 }
    })
    .await;
}

/// The text after a label on a line of its own.
fn after<'a>(text: &'a str, label: &str) -> &'a str {
    let rest = text.lines().find_map(|line| line.split_once(label).map(|(_, rest)| rest));
    let rest = rest.unwrap_or_else(|| panic!("no {label:?} in:\n{text}"));
    rest.trim_matches(|c: char| c.is_whitespace() || c == '│')
}
